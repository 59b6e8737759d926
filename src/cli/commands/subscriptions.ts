import { type Command, Option } from 'commander'
import { DELIVERY_STATES, FAILURE_CLASSES } from '../../model/subscription.ts'
import { call, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { listOf, MOST_A_PAGE, pagesOf } from '../pages.ts'

interface Subscription {
  readonly id: string
  readonly product?: string
  readonly url: string
  readonly types?: readonly string[]
  readonly subject?: string
  readonly collection?: string
  readonly description: string
  readonly state: string
  readonly disabled_reason?: string
  readonly created_by: string
  readonly cursor: number
  readonly failing_since?: string
  readonly secret?: string
}

interface Delivery {
  readonly id: string
  readonly seq: number
  readonly type: string
  readonly subject: string
  readonly state: string
  readonly class?: string
  readonly attempts: readonly { readonly at: string; readonly status?: number; readonly class?: string }[]
  readonly next_try_at?: string
}

const ROOT = '/v1/subscriptions'
const pathOf = (id: string): string => `${ROOT}/${encodeURIComponent(id)}`
const IF_ANY = { 'If-Match': '*' }

const describe = (one: Subscription): string =>
  [
    one.id,
    one.state + (one.disabled_reason === undefined ? '' : ` (${one.disabled_reason})`),
    one.product ?? 'the whole tenant',
    one.url,
    one.types?.join(',') ?? 'all types',
    ...[one.subject, one.collection, one.description].filter(part => part !== undefined && part !== ''),
    `by ${one.created_by}`,
    `told up to ${one.cursor}`,
    ...(one.failing_since === undefined ? [] : [`failing since ${one.failing_since}`]),
  ].join('  ')

const describeWithSecret = (one: Subscription): string =>
  one.secret === undefined ? describe(one) : `${describe(one)}\nSecret, shown this once: ${one.secret}`

const describeDelivery = ({ id, seq, type, subject, state, class: kind, attempts, next_try_at }: Delivery): string =>
  [
    id,
    String(seq),
    type,
    subject,
    state,
    `${attempts.length} ${attempts.length === 1 ? 'try' : 'tries'}`,
    ...(kind === undefined
      ? []
      : [`${kind}${attempts.at(-1)?.status === undefined ? '' : ` ${attempts.at(-1)?.status}`}`]),
    ...(next_try_at === undefined ? [] : [`next at ${next_try_at}`]),
  ].join('  ')

interface Wanted {
  readonly types?: string
  readonly subject?: string
}

const wantedOf = ({ types, subject }: Wanted) => ({ types: types?.split(','), subject })
const withWanted = (command: Command): Command =>
  command
    .option('--types <types>', 'of these alone, by comma: asset.published,asset.erased')
    .option('--subject <subject>', 'about one asset: assets/<id>')

const addAdd = (group: Command): void => {
  withWanted(group.command('add').description('Tell a webhook of events from now on; its secret is shown this once'))
    .argument('<url>', 'where events are posted to')
    .option('--collection <collection>', 'about assets of one collection')
    .option('--description <text>', 'what it is for')
    .option('--product <product>', 'for administrators: whose it is; by default the whole tenant’s')
    .action(
      async (
        url: string,
        own: Wanted & { collection?: string; description?: string; product?: string },
        command: Command,
      ) => {
        const options = optionsOf(command)
        const { collection, description, product } = own
        const body = { url, ...wantedOf(own), collection, description, product }
        const response = await call(options, ROOT, jsonRequest('POST', body, crypto.randomUUID()))
        print(options, (await response.json()) as Subscription, describeWithSecret)
      },
    )
}

const addLists = (group: Command): void => {
  group
    .command('list')
    .description('Who is told of events, oldest first')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const { items: all } = await listOf<Subscription>(options, ROOT)
      print(options, all, items => items.map(describe).join('\n') || 'Nobody is told.')
    })

  group
    .command('show')
    .description('One of them; its secret is never shown')
    .argument('<id>', 'as `subscriptions list` shows it')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      print(options, (await (await call(options, pathOf(id))).json()) as Subscription, describe)
    })

  group
    .command('deliveries')
    .description('Events for it with their tries, newest first')
    .argument('<id>', 'the subscription')
    .addOption(new Option('--state <state>', 'only these').choices(DELIVERY_STATES))
    .option('--all', 'every page, instead of the newest 500', false)
    .action(async (id: string, { state, all }: { state?: string; all: boolean }, command: Command) => {
      const options = optionsOf(command)
      const limit = all ? Number.POSITIVE_INFINITY : MOST_A_PAGE
      const listing = { query: { ...(state && { state }) }, limit }
      for await (const { items } of pagesOf<Delivery>(options, `${pathOf(id)}/deliveries`, listing))
        for (const item of items) print(options, item, describeDelivery)
    })
}

const addStates = (group: Command): void => {
  for (const [name, state, says] of [
    ['pause', 'PAUSED', 'Tell it nothing until it is resumed; nothing is lost'],
    ['resume', 'ACTIVE', 'Go on where it stopped, also where it was disabled'],
  ] as const)
    group
      .command(name)
      .description(says)
      .argument('<id>', 'the subscription')
      .action(async (id: string, _own: object, command: Command) => {
        const options = optionsOf(command)
        const request = jsonRequest('PATCH', { state })
        const response = await call(options, pathOf(id), { ...request, headers: { ...request.headers, ...IF_ANY } })
        print(options, (await response.json()) as Subscription, describe)
      })

  group
    .command('rotate')
    .description('A new secret; the old one signs as well for the overlap. Shown this once')
    .argument('<id>', 'the subscription')
    .option('--overlap <time>', 'seconds, or 90m, 24h, 30d; 0 ends it at once', '24h')
    .action(async (id: string, { overlap }: { overlap: string }, command: Command) => {
      const options = optionsOf(command)
      const wish = { overlap: /^\d+$/.test(overlap) ? Number(overlap) : overlap }
      const request = jsonRequest('POST', wish, crypto.randomUUID())
      const headers = { ...request.headers, ...IF_ANY }
      const response = await call(options, `${pathOf(id)}/rotate-secret`, { ...request, headers })
      print(
        options,
        (await response.json()) as { secret: string },
        ({ secret }) => `Secret, shown this once: ${secret}`,
      )
    })

  group
    .command('delete')
    .description('Tell it nothing more; what it was still to be told is forgotten')
    .argument('<id>', 'the subscription')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      await call(options, pathOf(id), { method: 'DELETE', headers: IF_ANY })
      print(options, { deleted: id }, ({ deleted }) => `${deleted} is told nothing more`)
    })
}

interface Range extends Wanted {
  readonly from?: string
  readonly to?: string
}

const numberOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text))

const addAgain = (group: Command): void => {
  group
    .command('test')
    .description(
      'Tell it an event that says nothing, now, and say what it answered; exit code 1 where it was not taken',
    )
    .argument('<id>', 'the subscription')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, `${pathOf(id)}/test`, { method: 'POST' })
      const tested = (await response.json()) as { taken: boolean; status?: number; class?: string; ms: number }
      print(options, tested, ({ taken, status, class: kind, ms }) =>
        taken
          ? `Taken: ${status} after ${ms} ms`
          : `Not taken: ${kind}${status === undefined ? '' : ` ${status}`} after ${ms} ms`,
      )
      if (!tested.taken) throw new CliFailure(1, 'not-taken', 'The receiver did not take it.')
    })

  withWanted(
    group.command('redrive').description('Tell what was given up once more: what fits everything that is given'),
  )
    .argument('<id>', 'the subscription')
    .addOption(new Option('--class <class>', 'why it was not taken').choices(FAILURE_CLASSES))
    .option('--from <seq>', 'from this number on; by default from the first', '1')
    .option('--to <seq>', 'up to this number')
    .action(async (id: string, own: Range & { readonly class?: string }, command: Command) => {
      const options = optionsOf(command)
      const body = { ...wantedOf(own), class: own.class, from_seq: numberOf(own.from), to_seq: numberOf(own.to) }
      const response = await call(options, `${pathOf(id)}/redrive`, jsonRequest('POST', body))
      print(options, (await response.json()) as { redriven: number }, ({ redriven }) => `${redriven} are told again`)
    })

  withWanted(group.command('replay').description('Tell a part of the log once more, to this one alone'))
    .argument('<id>', 'the subscription')
    .option('--from <seq>', 'from this number on')
    .option('--since <time>', 'instead: from this time on')
    .option('--to <seq>', 'up to this number')
    .option('--until <time>', 'instead: up to this time')
    .option('--failed', 'only what was given up', false)
    .action(async (id: string, own: Range & { since?: string; until?: string; failed: boolean }, command: Command) => {
      const options = optionsOf(command)
      const { since, until, failed } = own
      const range = { from_seq: numberOf(own.from), to_seq: numberOf(own.to), since, until }
      const body = { ...wantedOf(own), ...range, ...(failed && { only: 'failed' }) }
      const response = await call(options, `${pathOf(id)}/replay`, jsonRequest('POST', body, crypto.randomUUID()))
      const begun = (await response.json()) as { from_seq: number; to_seq: number }
      print(options, begun, ({ from_seq, to_seq }) => `From ${from_seq} to ${to_seq} it is told again`)
    })
}

export const subscriptions = (program: Command): void => {
  const group = program.command('subscriptions').description('Who is told of events by webhook')
  addAdd(group)
  addLists(group)
  addStates(group)
  addAgain(group)
}
