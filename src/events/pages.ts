/** The log, a page at a time, for one listener. */
import { logHead, readLog, readLogOf } from '../manifest/event-log.ts'
import { type ToldEvent, toldIn } from '../model/event.ts'
import type { WantedTypes } from '../model/event-majors.ts'
import type { PermissionDependencies } from '../policy/permission.ts'
import { audible, type Listener } from './audience.ts'

export interface Wanted {
  /** `undefined`: of every type, in its first major. */
  readonly types: WantedTypes | undefined
  /** `undefined`: of every asset. */
  readonly asset: string | undefined
}

export interface EventPage {
  readonly events: readonly ToldEvent[]
  /** Where the next page goes on: everything up to there has been looked at, heard or not. */
  readonly nextAfter: number
  /** The newest there is. */
  readonly head: number
}

/** Looks at `limit` events of the log, of which fewer may be left. Ask again until `nextAfter` does not move. */
export const readPage = async (
  dependencies: PermissionDependencies,
  listener: Listener,
  { types, asset, after, limit }: Wanted & { readonly after: number; readonly limit: number },
): Promise<EventPage> => {
  const { database } = dependencies
  const { tenant } = listener.principal
  // Before the page, so that it is never behind what the page has shown to be there.
  const head = await logHead(database)
  const page = { tenant, after, limit }
  const read = asset === undefined ? await readLog(database, page) : await readLogOf(database, { ...page, asset })
  const wanted = types === undefined ? read : read.filter(({ type }) => types.has(type))
  const told = wanted.map(event => toldIn(types?.get(event.type) ?? 1, event))
  const events = await audible(dependencies, listener, told)
  const last = read.at(-1)?.seq ?? after
  // A page that is not full has seen all that there was.
  return { events, nextAfter: read.length < limit ? Math.max(last, head) : last, head: Math.max(head, last) }
}
