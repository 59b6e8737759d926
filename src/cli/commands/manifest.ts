import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { wholeNumber } from '../arguments.ts'
import { call, type GlobalOptions, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { progressOf } from '../progress.ts'

interface Own {
  readonly collection?: string
  readonly updatedAfter?: string
  readonly compare?: string
  readonly first: number
}

interface Named {
  readonly asset: string
  readonly rendition: string
  readonly format: string
}

interface Comparison {
  readonly in_step: boolean
  readonly same: number
  readonly missing: { readonly count: number; readonly first: readonly Named[] }
  readonly extra: { readonly count: number; readonly first: readonly Named[] }
  readonly stale: { readonly count: number; readonly first: readonly Named[] }
}

const NDJSON = 'application/x-ndjson'

const queryOf = ({ collection, updatedAfter }: Own): Record<string, string> => ({
  ...(collection !== undefined && { collection }),
  ...(updatedAfter !== undefined && { updated_after: updatedAfter }),
})

/** Passes the lines on, and says whether the last of them was there: an answer that broke off looks like a short one. */
const printLines = async (options: GlobalOptions, path: string, own: Own): Promise<void> => {
  const { body } = await call(options, `${path}?${new URLSearchParams(queryOf(own))}`)
  let end = ''
  const lines = Readable.fromWeb(body as never)
  let bytes = 0
  lines.on('data', (chunk: Buffer) => {
    end = (end + chunk.toString('latin1')).slice(-2_000)
    bytes += chunk.length
    if (process.stderr.isTTY && !process.stdout.isTTY && !options.json)
      process.stderr.write(`\r\x1b[K${Math.round(bytes / 1_000_000)} MB`)
  })
  await pipeline(lines, process.stdout, { end: false })
  if (process.stderr.isTTY && !process.stdout.isTTY && !options.json) process.stderr.write('\r\x1b[K')
  if (!end.includes('{"trailer":')) throw new CliFailure(3, 'incomplete', 'The manifest broke off; ask for it again.')
}

const describe = (said: Comparison): string => {
  const part = (what: string, { count, first }: Comparison['missing']): string[] =>
    count === 0
      ? []
      : [
          `${count} ${what}`,
          ...first.map(({ asset, rendition, format }) => `  ${asset} ${rendition} ${format}`),
          ...(first.length < count ? [`  and ${count - first.length} more`] : []),
        ]
  const { missing, extra, stale, same } = said
  return [
    `${same} the same`,
    ...part('missing', missing),
    ...part('too much', extra),
    ...part('in other bytes', stale),
  ].join('\n')
}

const compareCopy = async (options: GlobalOptions, path: string, own: Own & { compare: string }): Promise<void> => {
  const found = await stat(own.compare).catch(() => undefined)
  if (!found?.isFile()) throw new CliFailure(2, 'no-file', `There is no file ${own.compare}.`)
  const body = createReadStream(own.compare)
  progressOf(body, { label: own.compare, total: found.size, quiet: options.json })
  const query = new URLSearchParams({ ...queryOf(own), first: String(own.first) })
  const response = await call(options, `${path}/compare?${query}`, {
    method: 'POST',
    duplex: 'half',
    body: Readable.toWeb(body) as unknown as ReadableStream<Uint8Array>,
    headers: { 'Content-Type': NDJSON },
  })
  const said = (await response.json()) as Comparison
  print(options, said, describe)
  if (!said.in_step) throw new CliFailure(1, 'out-of-step', 'The copy is not what there is.')
}

export const manifest = (program: Command): void => {
  program
    .command('manifest')
    .description('Everything that a product can resolve, as NDJSON; or what a copy of it lacks')
    .argument('<product>', 'whose')
    .option('-c, --collection <name>', 'only assets of this one')
    .option('--updated-after <time>', 'only assets that something has happened to since, e.g. 2026-11-21T09:00:00Z')
    .option('--compare <file>', 'a copy as NDJSON, sorted; exit code 1 where it differs')
    .option('--first <count>', 'how many differences of each kind are named', wholeNumber(0, 10_000), 100)
    .action(async (product: string, own: Own, command: Command) => {
      const options = optionsOf(command)
      const path = `/v1/products/${encodeURIComponent(product)}/manifest`
      const { compare } = own
      await (compare === undefined ? printLines(options, path, own) : compareCopy(options, path, { ...own, compare }))
    })
}
