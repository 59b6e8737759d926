/**
 * Connections to receivers that stay open between events: a new one for each costs more than what is said on it. One is used again by
 * the subscription alone that opened it, and only while the name still leads to the addresses that were checked when it was opened:
 * a name that turns inside meanwhile finds no connection there, and gets none.
 */
import { type AgentOptions, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { LRUCache } from 'lru-cache'
import { type HookPlaces, hookAddresses } from './hook-address.ts'

/** Less than the 5 s after which most servers close theirs. */
const IDLE_MS = 4_000
/** So long what a name led to is gone by: a thousand events are not as many questions to name servers. */
const LOOKED_UP_MS = 1_000
const MOST_NAMES = 10_000

type Agent = HttpAgent | HttpsAgent

/** An open connection has this name, beside its host and port. */
export interface KeptFor {
  readonly keptFor: string
}

const named = <A extends Agent>(agent: A): A => {
  const nameOf = agent.getName.bind(agent)
  agent.getName = (options?: Parameters<A['getName']>[0] & Partial<KeptFor>) =>
    `${nameOf(options)}|${options?.keptFor ?? ''}`
  return agent
}

export interface HookRoute {
  /** To connect to these, without looking again. */
  readonly addresses: readonly string[]
  /** Without it the connection is for this one event. */
  readonly kept?: KeptFor & { readonly agent: Agent }
}

export const openHookConnections = (places: HookPlaces) => {
  const options: AgentOptions = { keepAlive: true, timeout: IDLE_MS, scheduling: 'lifo' }
  const [http, https] = [named(new HttpAgent(options)), named(new HttpsAgent(options))]
  const known = new LRUCache<string, readonly string[]>({ max: MOST_NAMES, ttl: LOOKED_UP_MS })
  return {
    /** `undefined`: it is not told anything there. Rejects where a name server does not answer. */
    async route(url: URL, of: string, signal: AbortSignal): Promise<HookRoute | undefined> {
      const key = `${of} ${url.origin}`
      let addresses = known.get(key)
      if (addresses === undefined) {
        addresses = await hookAddresses(places, url, signal)
        if (addresses === undefined) return undefined
        known.set(key, addresses)
      }
      const keptFor = `${of} ${[...addresses].sort().join()}`
      return { addresses, kept: { keptFor, agent: url.protocol === 'https:' ? https : http } }
    },
    close(): void {
      http.destroy()
      https.destroy()
    },
  }
}

export type HookConnections = ReturnType<typeof openHookConnections>
