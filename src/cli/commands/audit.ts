import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type AuditRow, type Broken, follow, GENESIS, type Place, START } from '../../model/audit.ts'
import { SHA256_PATTERN } from '../../model/ids.ts'
import { wholeNumber } from '../arguments.ts'
import { call, type GlobalOptions, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { listOf } from '../pages.ts'

interface Filter {
  readonly actor?: string
  readonly action?: string
  readonly resource?: string
  readonly outcome?: string
  readonly from?: string
  readonly to?: string
}

const FILTERS = ['actor', 'action', 'resource', 'outcome', 'from', 'to'] as const

const queryOf = (own: Filter): Record<string, string> =>
  Object.fromEntries(FILTERS.flatMap(name => (own[name] === undefined ? [] : [[name, own[name]]])))

const filtered = (command: Command): Command =>
  command
    .option('-a, --actor <id>', 'of this key or other credential')
    .option('-A, --action <action>', 'e.g. grant.put')
    .option('-r, --resource <path>', 'e.g. collections/gallery; and everything below it')
    .addOption(new Option('-o, --outcome <outcome>', 'only these').choices(['allowed', 'denied']))
    .option('--from <time>', 'e.g. 2026-11-21T09:00:00Z')
    .option('--to <time>', 'not included')

type Shown = Omit<AuditRow, 'at'> & { readonly at: string }

const describe = ({ at, outcome, actor, product, action, resource, reasons, count, client, before, after }: Shown) =>
  [
    at,
    outcome,
    product ? `${actor} (${product})` : actor,
    action,
    resource,
    ...(count > 1 ? [`${count} times`] : []),
    ...(reasons.length > 0 ? [reasons.join(', ')] : []),
    ...(client ? [`from ${client}`] : []),
    ...(before || after ? [`${JSON.stringify(before ?? {})} -> ${JSON.stringify(after ?? {})}`] : []),
  ].join('  ')

/** `12:ab…`, as `verify` prints it. */
const parsePlace = (text: string): Place => {
  const [no = '', hash = '', ...rest] = text.split(':')
  if (!/^\d{1,15}$/.test(no) || !SHA256_PATTERN.test(hash) || rest.length > 0)
    throw new InvalidArgumentError('Expected a number and a hash, like 12:ab…, as `audit verify` prints them.')
  return { no: Number(no), hash }
}

const spell = ({ no, hash }: Place): string => `${no}:${hash}`

interface Verdict {
  readonly intact: boolean
  readonly from: Place
  readonly to: Place
  readonly unchained?: number
  readonly broken?: Broken
}

const progress = (options: GlobalOptions, line: string): void => {
  if (process.stderr.isTTY && !options.json) process.stderr.write(`\r\x1b[K${line}`)
}

/** A page at a time; where the gateway goes away in the middle, it says where to go on. */
const verifyThere = async (options: GlobalOptions, from: Place): Promise<Verdict> => {
  let to = from
  try {
    for (;;) {
      const query = new URLSearchParams({ after: String(to.no), hash: to.hash })
      const page = (await (await call(options, `/v1/audit/verify?${query}`)).json()) as Verdict & {
        readonly head: Place
        readonly complete: boolean
      }
      to = page.to
      progress(options, `${to.no} of ${page.head.no} rows`)
      const { intact, unchained, broken } = page
      if (page.complete)
        return { intact, from, to, ...(unchained !== undefined && { unchained }), ...(broken && { broken }) }
    }
  } catch (error) {
    if (!(error instanceof CliFailure) || to.no === from.no) throw error
    throw new CliFailure(error.exitCode, error.code, `${error.message}\nGo on with --since ${spell(to)}`)
  } finally {
    progress(options, '')
  }
}

const verifyCopy = async (options: GlobalOptions, file: string, since: Place | undefined): Promise<Verdict> => {
  let from = since
  let to = since ?? START
  let lines = 0
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const row = readRow(line, ++lines)
    // A copy that begins later says itself what it follows.
    from ??= { no: Number(row.no) - 1, hash: String(row.prev_hash ?? GENESIS) }
    if (lines === 1) to = from
    const step = follow(to, [row])
    if (step.broken) return { intact: false, from, to, broken: step.broken }
    to = step.to
    if (lines % 1_000 === 0) progress(options, `${lines} rows`)
  }
  progress(options, '')
  return { intact: true, from: from ?? START, to }
}

/** A file that is not there, or that is there already. */
const overFile = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'path' in error)) throw error
    throw new CliFailure(2, 'file', error.message)
  }
}

const readRow = (line: string, number: number): Record<string, unknown> => {
  try {
    return JSON.parse(line)
  } catch {
    throw new CliFailure(1, 'not-a-copy', `Line ${number} of the file is not JSON.`)
  }
}

const HOW = {
  missing: 'is missing',
  unlinked: 'does not follow the row before it',
  changed: 'is not what was chained',
  'other-end': 'is not where the chain was said to end',
} as const

const judge = ({ from, to, broken, unchained }: Verdict): string =>
  broken
    ? `Row ${broken.no}${broken.id ? ` (${broken.id})` : ''} ${HOW[broken.what]}. Rows ${from.no + 1} to ${to.no} are as they were.`
    : [
        `${to.no - from.no} rows, each as it was chained${unchained ? `; ${unchained} wait for their place` : ''}.`,
        `The end, to be noted down elsewhere: ${spell(to)}`,
      ].join('\n')

export const audit = (program: Command): void => {
  const group = program.command('audit').description('Who did what, and who was denied')

  filtered(group.command('list'))
    .description('The newest first')
    .option('-l, --limit <count>', 'how many', wholeNumber(1, 100_000), 50)
    .action(async (own: Filter & { limit: number }, command: Command) => {
      const options = optionsOf(command)
      const found = await listOf<Shown>(options, '/v1/audit', { query: queryOf(own), limit: own.limit })
      print(options, found, ({ items }) => (items.length === 0 ? 'There is nothing.' : items.map(describe).join('\n')))
    })

  filtered(group.command('export'))
    .description('All of it as NDJSON, in the order of the chain; a copy without a filter can be verified')
    .option('--after <no>', 'what has a higher number', wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .option('-f, --file <file>', 'a new file instead of standard output')
    .action(async (own: Filter & { after: number; file?: string }, command: Command) => {
      const query = new URLSearchParams({ ...queryOf(own), after: String(own.after) })
      const headers = { Accept: 'application/x-ndjson' }
      const { body } = await call(optionsOf(command), `/v1/audit?${query}`, { headers })
      const rows = Readable.fromWeb(body as never)
      await (own.file === undefined
        ? pipeline(rows, process.stdout, { end: false })
        : overFile(pipeline(rows, createWriteStream(own.file, { flags: 'wx' }))))
    })

  group
    .command('verify')
    .description('Follow the chain; exit code 1 at the first row that is not as it was chained')
    .option('--since <place>', 'from a place that was noted down, like 12:ab…', parsePlace)
    .option('-f, --file <file>', 'a copy as `audit export` writes it, without asking the gateway')
    .action(async (own: { since?: Place; file?: string }, command: Command) => {
      const options = optionsOf(command)
      const verdict = await (own.file === undefined
        ? verifyThere(options, own.since ?? START)
        : overFile(verifyCopy(options, own.file, own.since)))
      print(options, verdict, judge)
      if (!verdict.intact) throw new CliFailure(1, 'broken-chain', 'The audit is not as it was written.')
    })
}
