import { type Command, Option } from 'commander'
import { wholeNumber } from '../arguments.ts'
import { call, type GlobalOptions, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { listOf } from '../pages.ts'

interface DeadNode {
  readonly kind: 'node'
  readonly id: string
  readonly original: string
  readonly class: string
  readonly attempts: number
  readonly crashes: number
  readonly at: string
  readonly asks: number
  readonly asked_by: readonly { readonly product: string; readonly asset: string; readonly rendition: string }[]
}

interface DeadDelivery {
  readonly kind: 'delivery'
  readonly id: string
  readonly subscription: string
  readonly seq: number
  readonly type: string
  readonly subject: string
  readonly class: string
  readonly failures: number
  readonly at: string
}

type DeadLetter = DeadNode | DeadDelivery

const describe = (letter: DeadLetter): string =>
  letter.kind === 'node' ? describeNode(letter) : describeDelivery(letter)

const describeDelivery = ({ id, subscription, seq, type, subject, class: code, failures, at }: DeadDelivery): string =>
  `${id}  ${code}  ${failures} tries  ${at}\n    ${subscription}  ${seq} ${type} ${subject}`

const describeNode = (letter: DeadNode): string => {
  const { id, at, asks, attempts, crashes, asked_by: askers } = letter
  const names = askers.slice(0, 3).map(({ product, asset, rendition }) => `${product} ${asset} ${rendition}`)
  const more = asks > names.length ? [`and ${asks - names.length} more`] : []
  return [`${id}  ${letter.class}  ${attempts} tries, ${crashes} crashes  ${at}`, ...names, ...more].join('\n    ')
}

interface Redriven {
  readonly redriven: number
  readonly remaining: number
  readonly before?: string
}

/** The gateway takes its own time where this is later. */
const ANY_TIME = '9999-12-31T23:59:59Z'

/** A request lets out so many; it is repeated, for what was dead at the first one, until none is left. */
const redriveAll = async (
  options: GlobalOptions,
  wish: { kind: string; ids?: string[]; class?: string; before?: string },
) => {
  let total = 0
  for (let { before } = wish; ; ) {
    const body = { ...wish, ...(before !== undefined && { before }) }
    const response = await call(options, '/v1/dead-letters/redrive', jsonRequest('POST', body))
    const answer = (await response.json()) as Redriven
    total += answer.redriven
    if (answer.remaining === 0 || answer.redriven === 0) return { redriven: total }
    before = answer.before
  }
}

const kindOption = () =>
  new Option('-k, --kind <kind>', 'derivatives (node) or events for webhooks (delivery)')
    .choices(['node', 'delivery'])
    .default('node')

interface RedriveOptions {
  readonly kind: string
  readonly class?: string
  readonly before?: string
  readonly all: boolean
}

export const deadLetters = (program: Command): void => {
  const group = program
    .command('dead-letters')
    .description('Derivatives, and events for webhooks, that were given up after all their tries')

  group
    .command('list')
    .description('What failed, why, and who waits for it; the last first')
    .option('-c, --class <class>', 'one class of failure, e.g. corrupt-media')
    .option('-l, --limit <count>', 'how many', wholeNumber(1, 100_000), 50)
    .addOption(kindOption())
    .action(async (own: { class?: string; limit: number; kind: string }, command: Command) => {
      const options = optionsOf(command)
      const { kind, class: code, limit } = own
      const query = { kind, ...(code !== undefined && { class: code }) }
      const found = await listOf<DeadLetter>(options, '/v1/dead-letters', { query, limit })
      print(options, found, ({ items }) => (items.length === 0 ? 'Nothing is dead.' : items.map(describe).join('\n')))
    })

  group
    .command('redrive')
    .description('Try again, when what made them fail is mended')
    .argument('[ids...]', 'as `dead-letters list` shows them')
    .option('-c, --class <class>', 'all of one class of failure')
    .option('-b, --before <time>', 'all that failed before, e.g. 2026-11-21T09:00:00Z')
    .option('--all', 'all of them', false)
    .addOption(kindOption())
    .action(async (ids: string[], own: RedriveOptions, command: Command) => {
      const options = optionsOf(command)
      const wish = {
        ...(ids.length > 0 && { ids }),
        ...(own.class !== undefined && { class: own.class }),
        ...(own.before !== undefined && { before: own.before }),
      }
      const isNamed = Object.keys(wish).length > 0
      if (isNamed === own.all)
        throw new CliFailure(2, 'which', 'Expected either ids, --class or --before, or --all alone.')
      const redriven = await redriveAll(options, { kind: own.kind, ...(isNamed ? wish : { before: ANY_TIME }) })
      print(options, redriven, ({ redriven: count }) => `${count} queued again`)
    })
}
