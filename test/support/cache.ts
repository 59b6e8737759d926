/** Real caches in front of an origin, asked through a socket of theirs. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type IncomingHttpHeaders, request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** As latin1. */
  readonly body: string
}

export type Ask = (path: string, headers?: Readonly<Record<string, string>>, method?: string) => Promise<Answer>

export interface Cache {
  readonly ask: Ask
  /** Where it listens, in the file system. */
  readonly socket: string
  remove(): Promise<void>
}

export interface Secrets {
  readonly front: string
  readonly originKey: string
  readonly purge: string
}

export interface CacheOptions extends Secrets {
  /** Of the gateway, `http://host:port`. */
  readonly origin: string
}

/** At a socket of the file system, or a port of this machine. */
export const openAsk =
  (where: string | number): Ask =>
  (path, headers = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      const at = typeof where === 'number' ? { host: '127.0.0.1', port: where } : { socketPath: where }
      const options = { ...at, path, method, headers: { host: 'cdn.example', ...headers } }
      const asked = request(options, async response => {
        try {
          const chunks: Buffer[] = []
          for await (const chunk of response) chunks.push(chunk)
          const body = Buffer.concat(chunks).toString('latin1')
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
        } catch (error) {
          reject(error)
        }
      })
      asked.on('error', reject).end()
    })

/** The same on a port, for who knows addresses only. */
export const openDoor = async (socket: string): Promise<{ readonly url: string; close(): void }> => {
  const server = createServer(outside => {
    const inside = connect(socket)
    for (const [from, to] of [
      [outside, inside],
      [inside, outside],
    ] as const)
      from.on('error', () => to.destroy()).pipe(to)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() }
}

const FOLDER = join(import.meta.dirname, '../../docs/cdn')

/** A file of docs/cdn with its own values put in where it says what to change. What it does not say is an error here. */
export const readReference = async (
  file: string,
  { front, originKey, purge }: Secrets,
  places: Readonly<Record<string, string>>,
): Promise<string> => {
  const secrets = {
    'change-me-front-secret': front,
    'change-me-origin-key': originKey,
    'change-me-purge-token': purge,
  }
  let text = await readFile(join(FOLDER, file), 'utf8')
  for (const [given, own] of Object.entries({ ...places, ...secrets })) {
    if (!text.includes(given)) throw new Error(`${file} has no ${given}`)
    text = text.replaceAll(given, own)
  }
  return text
}
