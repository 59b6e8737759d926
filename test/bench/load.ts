/** Load from a process of its own, so that the generator's CPU is not the server's. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Drawn } from './load-process.ts'

const PROCESS = fileURLToPath(new URL('./load-process.ts', import.meta.url))

/** A machine that others use may stop everybody for longer than the ten seconds that are the default. */
const PATIENCE_S = 60

export interface Load {
  readonly address: string
  /** Asked in turn by every connection. */
  readonly paths?: readonly string[]
  /** Instead: drawn at random. */
  readonly drawn?: Drawn
  readonly headers?: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
  /** The answer that is right; any other ends the run. */
  readonly status: number
}

export interface Measured {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly requests: number
}

interface Report {
  readonly requests: { readonly average: number; readonly total: number }
  readonly latency: { readonly p50: number; readonly p99: number }
  readonly errors: number
  readonly statusCodeStats: Readonly<Record<string, { readonly count: number }>>
}

export const load = async ({
  address,
  paths = [],
  drawn,
  headers = {},
  connections,
  seconds,
  status,
}: Load): Promise<Measured> => {
  const requests = paths.map(path => ({ path }))
  const order = { url: address, connections, duration: seconds, headers, requests, drawn, timeout: PATIENCE_S }
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', PROCESS, JSON.stringify(order)], {
    maxBuffer: 2 ** 24,
  })
  const { requests: sent, latency, errors, statusCodeStats } = JSON.parse(stdout) as Report
  const wrong = Object.keys(statusCodeStats).filter(code => code !== String(status))
  if (errors > 0 || wrong.length > 0)
    throw new Error(`${address} gave ${errors} errors and the statuses ${Object.keys(statusCodeStats).join(', ')}`)
  return { perSecond: sent.average, p50Ms: latency.p50, p99Ms: latency.p99, requests: sent.total }
}
