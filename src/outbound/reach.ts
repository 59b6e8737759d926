/** Where a URL that others name leads: its host is looked up once, and every address is checked, for one of them is taken. */
import type { Reachable } from '../config/fetching.ts'
import { isPublic, openAddressCheck } from './address.ts'
import { hostOf } from './hop.ts'
import type { ResolveHost } from './resolve.ts'

export interface Reached {
  /** To connect to these, without looking again. */
  readonly addresses: readonly string[]
  /** Anybody's; not one that the configuration names. */
  readonly isPublic: boolean
}

/**
 * `undefined`: it has no address, or one that is nobody's business; which of the two is not said. Rejects where a name server does
 * not answer.
 */
export type Reach = (url: URL, signal: AbortSignal) => Promise<Reached | undefined>

export const openReach = ({ resolve, allow }: { resolve: ResolveHost; allow: Reachable }): Reach => {
  const mayConnect = openAddressCheck(allow)
  return async (url, signal) => {
    const host = hostOf(url)
    const addresses = await resolve(host, signal)
    const isNamed = allow.hosts.has(host)
    if (addresses.length === 0 || !(isNamed || addresses.every(mayConnect))) return undefined
    return { addresses, isPublic: !isNamed && addresses.every(isPublic) }
  }
}
