/**
 * A whole gateway for the tests of a product: the real one with its embedded engines, in a folder that goes with it. Nothing is
 * played: what works with it works with a gateway. It is a process of its own and ends with the one that started it.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { PLAIN_ENV, supervise } from '../embedded/supervise.ts'
import { DEMO_SET } from './demo-set.ts'
import { applySet, MatrixSet } from './matrix-set.ts'

export type { MatrixSet } from './matrix-set.ts'

export interface MockOptions {
  /** What is in it: the demo set unless said. `matrix generate --mock` prints that of a deployment. */
  readonly set?: MatrixSet
  /** Any that is free unless said. */
  readonly port?: number
  /** Further variables of docs/configuration.md: `{ WEBHOOK_ALLOW: '127.0.0.1' }`. */
  readonly env?: Readonly<Record<string, string>>
  /** Each line that it prints. */
  readonly log?: (line: string) => void
}

export interface Mock {
  readonly url: string
  readonly adminKey: string
  /** One of each product. */
  readonly keys: Readonly<Record<string, string>>
  /** Resolves when it has ended by itself, with how. */
  readonly exited: Promise<string>
  /** Ends it, and takes its folder away. */
  close(): Promise<void>
}

/** Its own file, compiled or not. */
const command = (): [string, ...string[]] => {
  const compiled = fileURLToPath(new URL('../main.js', import.meta.url))
  if (existsSync(compiled)) return [process.execPath, compiled]
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  return [process.execPath, '--import', tsx, fileURLToPath(new URL('../main.ts', import.meta.url))]
}

const LAST_LINES = 20

/** Ready when it resolves, with everything in it. */
export const startMock = async ({
  set = DEMO_SET,
  port = 0,
  env = {},
  log = () => undefined,
}: MockOptions = {}): Promise<Mock> => {
  const wanted = MatrixSet.parse(set)
  const folder = await mkdtemp(join(tmpdir(), 'matrix-mock-'))
  const adminKey = `mock-${randomBytes(24).toString('base64url')}`
  const lines: string[] = []
  let listening: (url: string) => void = () => undefined
  const ready = new Promise<string>(resolve => {
    listening = resolve
  })
  const child = await supervise({
    command: command(),
    // Nothing of the caller's is read: neither his environment nor the `matrix.config.*` of his folder.
    cwd: folder,
    env: {
      ...PLAIN_ENV,
      ASSET_MATRIX_DATA: join(folder, 'data'),
      ASSET_MATRIX_ADMIN_KEY: adminKey,
      ASSET_MATRIX_DEMO: '0',
      HOST: '127.0.0.1',
      PORT: String(port),
      ASSET_MATRIX_S3_PORT: '0',
      LOG_LEVEL: 'warn',
      ...env,
    },
    deathSignal: 'SIGTERM',
    stopWith: [{ signal: 'SIGTERM', waitMs: 20_000 }],
    log: line => {
      lines.push(line)
      if (lines.length > LAST_LINES) lines.shift()
      const [, url] = /is ready on (\S+)/.exec(line) ?? []
      if (url) listening(url)
      log(line)
    },
  })
  const close = async (): Promise<void> => {
    await child.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const ended = child.exited.then(how => {
      throw new Error(`The mock did not start (${how}):\n${lines.join('\n')}`)
    })
    const url = await Promise.race([ready, ended])
    ended.catch(() => undefined)
    const keys = await applySet(async (method, path, body) => {
      const response = await fetch(new URL(path, url), {
        method,
        body: JSON.stringify(body ?? {}),
        headers: {
          Authorization: `Bearer ${adminKey}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': randomUUID(),
        },
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`The mock does not take its set: ${method} ${path}: ${text}`)
      return JSON.parse(text)
    }, wanted)
    return { url, adminKey, keys, exited: child.exited, close }
  } catch (error) {
    await close()
    throw error
  }
}
