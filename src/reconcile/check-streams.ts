/** What the doctor says of streams. */
import type { Database } from '../manifest/database.ts'
import { relayStanding } from '../manifest/event-relay.ts'
import type { EventStreams } from '../streams/streams.ts'

/** Beyond it no process carries events, or Redis takes none. */
const LATE_MS = 60_000

/** Groups that do not read are their consumers' to mend, and no illness of ours. */
export const checkStreams = async (
  database: Database,
  streams: EventStreams | undefined,
): Promise<{ ok: boolean; detail: unknown }> => {
  if (streams === undefined) return { ok: true, detail: 'events are carried into no streams' }
  const [{ log, published, head, waitingSince }, seen] = await Promise.all([relayStanding(database), streams.look()])
  const isOther = seen.head !== undefined && seen.head.log !== log
  const isLate = waitingSince !== null && Date.now() - waitingSince.getTime() > LATE_MS
  const groups = (await streams.groups()).map(({ isTrimmed, ...group }) => ({ ...group, has_missed_some: isTrimmed }))
  const behind = { published, head, waiting_since: waitingSince }
  return {
    ok: !isOther && !isLate,
    detail: { ...behind, entries: seen.lengths, groups, ...(isOther && { of_another_log: seen.head?.log }) },
  }
}
