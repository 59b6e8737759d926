/** Load from a process of its own (autocannon), so that the generator's CPU is not the server's. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'

const AUTOCANNON = createRequire(import.meta.url).resolve('autocannon')

export interface Load {
  readonly url: string
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

export const load = async ({ url, headers = {}, connections, seconds, status }: Load): Promise<Measured> => {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [AUTOCANNON, '-j', '-n', '-c', String(connections), '-d', String(seconds), ...given, url],
    { maxBuffer: 2 ** 24 },
  )
  const { requests, latency, errors, statusCodeStats } = JSON.parse(stdout) as Report
  const wrong = Object.keys(statusCodeStats).filter(code => code !== String(status))
  if (errors > 0 || wrong.length > 0)
    throw new Error(`${url} gave ${errors} errors and the statuses ${Object.keys(statusCodeStats).join(', ')}`)
  return { perSecond: requests.average, p50Ms: latency.p50, p99Ms: latency.p99, requests: requests.total }
}
