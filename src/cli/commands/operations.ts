import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { wholeNumber } from '../arguments.ts'
import { call, type GlobalOptions, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { barOf, describeOperation, isOver, type Operation, summaryOf } from '../operation-text.ts'
import { pagesOf } from '../pages.ts'

const STATES = ['RUNNING', 'PAUSED', 'COMPENSATING', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED', 'COMPENSATED']
const KINDS = ['backfill', 'erase', 'rollout', 'import']

const read = async (options: GlobalOptions, id: string): Promise<Operation> =>
  (await (await call(options, `/v1/operations/${encodeURIComponent(id)}`)).json()) as Operation

/** What it is for somebody to come to: an undo is well when it is undone. */
const isWell = (state: string, isBack: boolean): boolean => state === (isBack ? 'COMPENSATED' : 'SUCCEEDED')

/** Until it is over. A line that fills up on a terminal; elsewhere a line for each change. Fails where the operation did. */
export const watchOperation = async (options: GlobalOptions, id: string): Promise<void> => {
  const isTerminal = process.stderr.isTTY && !options.json
  let isBack = false
  for (let said = ''; ; ) {
    const now = await read(options, id)
    const line = summaryOf(now)
    isBack ||= now.state === 'COMPENSATING'
    if (isTerminal && !isOver(now)) process.stderr.write(`\r\x1b[K${barOf(now.progress)}  ${line}`)
    else if (line !== said && !isOver(now)) print(options, now, () => line)
    said = line
    if (isOver(now)) {
      if (isTerminal) process.stderr.write('\r\x1b[K')
      print(options, now, describeOperation)
      if (!isWell(now.state, isBack || now.state === 'COMPENSATED'))
        throw new CliFailure(1, 'not-succeeded', `The operation is ${now.state}.`)
      return
    }
    await delay(1_000)
  }
}

interface Result {
  readonly line: number
  readonly ref?: string
  readonly state: string
  readonly asset?: string
  readonly version?: number
  readonly code?: string
  readonly detail?: string
}

const describeResult = ({ line, ref, state, asset, version, code, detail }: Result): string =>
  [
    `${line}`.padStart(6),
    state.padEnd(10),
    ...(asset === undefined ? [] : [`${asset} v${version}`]),
    ...(ref === undefined ? [] : [ref]),
    ...(code === undefined ? [] : [`${code}${detail === undefined ? '' : `: ${detail}`}`]),
  ].join('  ')

/** All pages, a line each. */
export const printResults = async (options: GlobalOptions, id: string, state?: string): Promise<void> => {
  const path = `/v1/operations/${encodeURIComponent(id)}/results`
  for await (const { items } of pagesOf<Result>(options, path, { query: { ...(state !== undefined && { state }) } }))
    for (const one of items) print(options, one, describeResult)
}

export const operations = (program: Command): void => {
  const group = program.command('operations').description('Long work: how far it is, and the hand on it')

  group
    .command('list')
    .description('The newest first')
    .addOption(new Option('-s, --state <state>', 'in this state only').choices(STATES))
    .addOption(new Option('-k, --kind <kind>', 'of this kind only').choices(KINDS))
    .option('-l, --limit <count>', 'how many', wholeNumber(1, 500), 50)
    .action(async (own: { state?: string; kind?: string; limit: number }, command: Command) => {
      const options = optionsOf(command)
      const { state, kind, limit } = own
      const filter = { ...(state !== undefined && { state }), ...(kind !== undefined && { kind }) }
      const query = new URLSearchParams({ limit: String(limit), ...filter })
      const found = (await (await call(options, `/v1/operations?${query}`)).json()) as { items: readonly Operation[] }
      print(options, found, ({ items }) =>
        items.length === 0 ? 'There are none.' : items.map(describeOperation).join('\n'),
      )
    })

  group
    .command('watch')
    .description('Follow one until it is over; exit code 1 unless it succeeds, or is undone where that was asked for')
    .argument('<id>', 'as `operations list` shows it')
    .action((id: string, _own: object, command: Command) => watchOperation(optionsOf(command), id))

  group
    .command('results')
    .description('What became of each line of an import')
    .argument('<id>', 'as `operations list` shows it')
    .addOption(
      new Option('-s, --state <state>', 'lines in this state only').choices([
        'waiting',
        'done',
        'failed',
        'skipped',
        'undone',
        'not-undone',
      ]),
    )
    .action((id: string, { state }: { state?: string }, command: Command) =>
      printResults(optionsOf(command), id, state),
    )

  const verbs = {
    pause: 'Begin nothing more for now; what is in hand is finished',
    resume: 'Go on where it was paused',
    cancel: 'Begin nothing more; what has been made stays',
    undo: 'Take back what it has made: assets of an import, the pointers of a rollout',
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
