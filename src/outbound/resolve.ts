/** Names to addresses. A name that has none gives an empty list; a name server that does not answer is a failure. */
import { promises as dns } from 'node:dns'
import { isIP } from 'node:net'
import type { Reachable } from '../config/fetching.ts'

export type ResolveHost = (host: string, signal: AbortSignal) => Promise<readonly string[]>

const TIMEOUT_MS = 2_000
const TRIES = 2
const NONE = new Set(['ENOTFOUND', 'ENODATA'])

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined

/**
 * Asked on a socket of its own. `getaddrinfo` would take one of the four threads that file reads need too, for as long as a
 * stranger's name server likes.
 */
const askNameServer: ResolveHost = async (host, signal) => {
  const resolver = new dns.Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  const cancel = (): void => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const failure = answers.find(({ status }) => status === 'fulfilled')
      ? undefined
      : answers.find(answer => answer.status === 'rejected' && !NONE.has(codeOf(answer.reason) ?? ''))
    if (failure?.status === 'rejected') throw failure.reason
    return answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []))
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** As this machine itself finds its neighbours, its hosts file included: for names that the configuration has in its list. */
const askSystem: ResolveHost = async host => {
  try {
    return (await dns.lookup(host, { all: true })).map(({ address }) => address)
  } catch (error) {
    if (NONE.has(codeOf(error) ?? '')) return []
    throw error
  }
}

/** An address is its own answer. */
export const openResolver =
  ({ hosts }: Pick<Reachable, 'hosts'>): ResolveHost =>
  async (host, signal) =>
    isIP(host) !== 0 ? [host] : hosts.has(host) ? askSystem(host, signal) : askNameServer(host, signal)
