/** Whether a receiver of events may be where its URL says: asked when it is named, and again each time before it is told. */
import type { Reach } from './reach.ts'

export interface HookPlaces {
  readonly reach: Reach
  /** Of public addresses; `undefined`: any. */
  readonly ports: ReadonlySet<number> | undefined
}

const DEFAULT_PORT: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/**
 * The addresses to connect to. `undefined`: it is not told anything there, and which of its addresses, names or ports is why is
 * not said. Rejects where a name server does not answer.
 */
export const hookAddresses = async (
  { reach, ports }: HookPlaces,
  url: URL,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> => {
  const port = DEFAULT_PORT[url.protocol]
  if (port === undefined || url.username !== '' || url.password !== '') return undefined
  const reached = await reach(url, signal)
  if (reached === undefined) return undefined
  const isOpen = !reached.isPublic || ports === undefined || ports.has(url.port === '' ? port : Number(url.port))
  return isOpen ? reached.addresses : undefined
}
