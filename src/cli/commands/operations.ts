import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { wholeNumber } from '../arguments.ts'
import { call, type GlobalOptions, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Progress {
  readonly id: string
  readonly state: string
  readonly collection: string
  readonly progress: { readonly total: number; readonly done: number; readonly failed: number }
}

export interface Backfill extends Progress {
  readonly kind: 'backfill'
  readonly product: string
  readonly rendition: string
  readonly revision: number
  readonly eta_seconds?: number
  readonly cpu_ms: number
  readonly reason?: string
}

export interface Erasure extends Progress {
  readonly kind: 'erase'
  readonly asset: string
  readonly step: string
  readonly reason: string
  readonly max_exposure_until: string
  readonly receipt?: { readonly objects: number; readonly bytes: number; readonly kept: readonly object[] }
}

export type Operation = Backfill | Erasure

const STATES = ['RUNNING', 'PAUSED', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED']
const isOver = ({ state }: Operation): boolean => state !== 'RUNNING' && state !== 'PAUSED'

const summaryOfErasure = ({ state, step, progress, receipt, max_exposure_until: until }: Erasure): string =>
  receipt === undefined
    ? `${state} (${step})  ${progress.done} of ${progress.total} objects`
    : `${state}  ${receipt.objects} objects of ${receipt.bytes} bytes deleted, ${receipt.kept.length} kept for others  URLs end by ${until}`

const summary = (one: Operation): string => {
  if (one.kind === 'erase') return summaryOfErasure(one)
  const { state, progress, eta_seconds: eta, cpu_ms: cpu, reason } = one
  const { total, done, failed } = progress
  return [
    `${state}${reason === undefined ? '' : ` (${reason})`}`,
    `${done + failed} of ${total}${failed > 0 ? `, ${failed} failed` : ''}`,
    ...(eta === undefined ? [] : [`${eta} s left`]),
    `${(cpu / 1000).toFixed(1)} s of CPU`,
  ].join('  ')
}

export const describeOperation = (one: Operation): string =>
  one.kind === 'erase'
    ? `${one.id}  ${one.kind} ${one.asset} (${one.reason})  ${summary(one)}`
    : `${one.id}  ${one.kind} ${one.collection} ${one.product}/${one.rendition} r${one.revision}  ${summary(one)}`

const bar = ({ total, done, failed }: Operation['progress']): string => {
  const share = total === 0 ? 1 : (done + failed) / total
  return `[${'#'.repeat(Math.round(share * 30)).padEnd(30, '.')}] ${Math.floor(share * 100)} %`
}

const read = async (options: GlobalOptions, id: string): Promise<Operation> =>
  (await (await call(options, `/v1/operations/${encodeURIComponent(id)}`)).json()) as Operation

/** Until it is over. A line that fills up on a terminal; elsewhere a line for each change. Fails where the operation did. */
export const watchOperation = async (options: GlobalOptions, id: string): Promise<void> => {
  const isTerminal = process.stderr.isTTY && !options.json
  for (let said = ''; ; ) {
    const now = await read(options, id)
    const line = summary(now)
    if (isTerminal && !isOver(now)) process.stderr.write(`\r\x1b[K${bar(now.progress)}  ${line}`)
    else if (line !== said && !isOver(now)) print(options, now, () => line)
    said = line
    if (isOver(now)) {
      if (isTerminal) process.stderr.write('\r\x1b[K')
      print(options, now, describeOperation)
      if (now.state !== 'SUCCEEDED') throw new CliFailure(1, 'not-succeeded', `The operation is ${now.state}.`)
      return
    }
    await delay(1_000)
  }
}

export const operations = (program: Command): void => {
  const group = program.command('operations').description('Long work: how far it is, and the hand on it')

  group
    .command('list')
    .description('The newest first')
    .addOption(new Option('-s, --state <state>', 'in this state only').choices(STATES))
    .option('-l, --limit <count>', 'how many', wholeNumber(1, 500), 50)
    .action(async ({ state, limit }: { state?: string; limit: number }, command: Command) => {
      const options = optionsOf(command)
      const query = new URLSearchParams({ limit: String(limit), ...(state !== undefined && { state }) })
      const found = (await (await call(options, `/v1/operations?${query}`)).json()) as { items: readonly Operation[] }
      print(options, found, ({ items }) =>
        items.length === 0 ? 'There are none.' : items.map(describeOperation).join('\n'),
      )
    })

  group
    .command('watch')
    .description('Follow one until it is over; exit code 1 unless it succeeds')
    .argument('<id>', 'as `operations list` shows it')
    .action((id: string, _own: object, command: Command) => watchOperation(optionsOf(command), id))

  const verbs = {
    pause: 'Plan nothing more for now; what is queued is made',
    resume: 'Go on where it was paused',
    cancel: 'Plan nothing more; what has been made stays',
  }
  for (const [verb, description] of Object.entries(verbs)) {
    group
      .command(verb)
      .description(description)
      .argument('<id>', 'as `operations list` shows it')
      .action(async (id: string, _own: object, command: Command) => {
        const options = optionsOf(command)
        const path = `/v1/operations/${encodeURIComponent(id)}/${verb}`
        print(
          options,
          (await (await call(options, path, jsonRequest('POST', {}))).json()) as Operation,
          describeOperation,
        )
      })
  }
}
