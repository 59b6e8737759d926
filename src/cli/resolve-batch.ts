/** Wishes of a file, a line each, answered a line each in their order: the batch route as often as the file is long. */
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { call, type GlobalOptions, jsonRequest } from './client.ts'
import { CliFailure } from './failure.ts'

/** As many as the gateway takes at once. */
const CHUNK = 200

interface Batch {
  readonly product: string
  readonly file: string
  /** Of lines that name none. */
  readonly format: string
  /** Seconds, for each request. */
  readonly wait: number
}

interface Wish {
  readonly line: number
  /** The gateway judges what is in it. */
  readonly item: object
}

interface Answer {
  readonly ref: number
  readonly status: number
}

const parseWish = (file: string, line: number, text: string): Wish => {
  try {
    const item: unknown = JSON.parse(text)
    if (typeof item === 'object' && item !== null && 'asset' in item && 'rendition' in item) return { line, item }
  } catch {
    // No JSON is no wish, either.
  }
  throw new CliFailure(2, 'bad-line', `${file}:${line}: Expected {"asset": …, "rendition": …}.`)
}

/** Line by line: a file may be larger than memory. */
async function* chunksOf(file: string): AsyncGenerator<readonly Wish[]> {
  let chunk: Wish[] = []
  let line = 0
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1
    if (text.trim() !== '') chunk.push(parseWish(file, line, text))
    if (chunk.length < CHUNK) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}

const ask = async (options: GlobalOptions, batch: Batch, chunk: readonly Wish[]): Promise<readonly Answer[]> => {
  const { headers, ...request } = jsonRequest('POST', {
    items: chunk.map(({ item }) => ({ format: batch.format, ...item })),
  })
  try {
    const response = await call(options, `/v1/products/${encodeURIComponent(batch.product)}/resolve/batch`, {
      ...request,
      headers: { ...(headers as Record<string, string>), Prefer: `wait=${batch.wait}` },
    })
    return ((await response.json()) as { items: readonly Answer[] }).items
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error
    const where = `${batch.file}, lines ${chunk[0]?.line} to ${chunk.at(-1)?.line}`
    throw new CliFailure(error.exitCode, error.code, `${where}: ${error.message}`)
  }
}

/** What has been answered is printed before a later line fails. */
export const resolveBatch = async (options: GlobalOptions, batch: Batch): Promise<void> => {
  const found = await stat(batch.file).catch(() => undefined)
  if (!found?.isFile()) throw new CliFailure(2, 'no-file', `There is no file ${batch.file}.`)
  const count = { ready: 0, pending: 0, refused: 0 }
  const told = () => `${count.ready} ready, ${count.pending} being made, ${count.refused} refused`
  const watched = process.stderr.isTTY && !process.stdout.isTTY && !options.json
  for await (const chunk of chunksOf(batch.file)) {
    let text = ''
    for (const { ref, ...answer } of await ask(options, batch, chunk)) {
      count[answer.status === 200 ? 'ready' : answer.status === 202 ? 'pending' : 'refused'] += 1
      text += `${JSON.stringify({ line: chunk[ref]?.line, ...chunk[ref]?.item, ...answer })}\n`
    }
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
    if (watched) process.stderr.write(`\r\x1b[K${told()}`)
  }
  if (watched) process.stderr.write('\r\x1b[K')
  if (count.refused > 0) throw new CliFailure(1, 'refused', `${told()}.`)
  if (count.pending > 0) throw new CliFailure(1, 'pending', `${told()}: ask again, or raise --wait.`)
}
