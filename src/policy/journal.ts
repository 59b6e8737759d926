/**
 * Rows of the audit that no transaction makes: denials, and looks at originals and through share links. They are noted in
 * memory and written in batches beside the requests, equal ones of an interval as one row with their count.
 *
 * Bounded everywhere, for a denial costs its sender next to nothing: so many different ones of one principal in an interval,
 * the rest as one row; so many different ones in all; and so many rows of denials a second and tenant. What is beyond is
 * counted, and the count becomes a row as soon as there is room. A process that is killed loses the interval.
 */
import type { Clock } from '../lib/clock.ts'
import { recordAll } from '../manifest/audit.ts'
import type { Database } from '../manifest/database.ts'
import { type FormerKey, keysEverByHash } from '../manifest/products.ts'
import { type Act, type AuditEntry, actorOf, type Outcome } from '../model/audit.ts'
import { isMatrixError } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { Principal } from '../model/principal.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface Sighting extends Pick<Act, 'requestId' | 'correlationId' | 'client'> {
  /** A principal; the hash of a key that is not live, which is looked up; or `unknown`: what proved nothing. */
  readonly who: Principal | Hex | 'unknown'
  readonly action: string
  readonly resource: string
  readonly outcome: Outcome
  readonly reasons: readonly string[]
}

export interface Journal {
  /** Never throws and never waits. */
  note(sighting: Sighting): void
  /** Writes what was noted, e.g. before a test looks. Rejects when it cannot; what was noted is kept. */
  flush(): Promise<void>
  /** Writes what was noted a last time. */
  close(): Promise<void>
}

/** An interval's distance between what happens and when it can be read. */
const EVERY_MS = 5_000
/** Of one principal: who is denied twenty different things in five seconds is not looking for something. */
const MOST_OF_ONE = 20
/** In memory: 2 MB. */
const MOST_NOTED = 5_000
/** Rows of denials of a tenant: 300 at once, then one in two seconds. 43000 a day of 600 bytes: 26 MB. */
const BURST = 300
const PER_SECOND = 0.5

type Noted = Sighting & { readonly at: number; count: number }

const nameOf = ({ who }: Sighting): string => (typeof who === 'string' ? who : `${who.tenant}/${who.id}`)
const keyOf = (one: Sighting): string =>
  [nameOf(one), one.outcome, one.action, one.resource, one.client, ...one.reasons].join('\n')

/** Adds up what is equal; the first one names request and time. */
const addTo = <T extends { count: number }>(rows: Map<string, T>, key: string, row: T): void => {
  const known = rows.get(key)
  if (known) known.count += row.count
  else rows.set(key, row)
}

const formerReason = ({ revokedAt, expiresAt }: FormerKey, at: number): string => {
  if (revokedAt !== null) return 'key-revoked'
  return expiresAt !== null && expiresAt.getTime() <= at ? 'key-expired' : 'unauthenticated'
}

export interface JournalOptions {
  readonly database: Database
  readonly clock: Clock
  /** Whose log tells of credentials that are nobody's. */
  readonly tenant: string
  readonly metrics: Pick<Metrics, 'denials'>
  readonly log: Log
}

export const openJournal = ({ database, clock, tenant, metrics, log }: JournalOptions): Journal => {
  let noted = new Map<string, Noted>()
  let ofOne = new Map<string, number>()
  /** Of each tenant: what no row was left for. */
  const dropped = new Map<string, number>()
  const budgets = new Map<string, { rows: number; at: number }>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined

  const tenantOf = ({ who }: Sighting): string => (typeof who === 'string' ? tenant : who.tenant)

  const drop = (of: string, count: number): void => {
    metrics.denials.inc({ result: 'dropped' }, count)
    dropped.set(of, (dropped.get(of) ?? 0) + count)
  }

  const writeSoon = (): void => {
    timer ??= setTimeout(() => {
      flush().catch(error => log.warn({ err: error }, 'audit journal'))
    }, EVERY_MS).unref()
  }

  const note = (sighting: Sighting): void => {
    if (sighting.outcome === 'denied') metrics.denials.inc({ result: 'noted' })
    const one = { ...sighting, at: clock.now(), count: 1 }
    const known = noted.get(keyOf(one))
    if (known) {
      known.count++
      return
    }
    const name = nameOf(one)
    const different = (ofOne.get(name) ?? 0) + 1
    const crowd = { ...one, resource: '*', reasons: ['many'] }
    const kept = one.outcome === 'denied' && different > MOST_OF_ONE ? crowd : one
    if (noted.size >= MOST_NOTED && !noted.has(keyOf(kept))) {
      drop(tenantOf(one), 1)
      return
    }
    ofOne.set(name, different)
    addTo(noted, keyOf(kept), kept)
    writeSoon()
  }

  /** True: there is room for a row of this tenant, and it is taken. */
  const takeRow = (of: string): boolean => {
    const now = clock.now()
    const { rows, at } = budgets.get(of) ?? { rows: BURST, at: now }
    const room = Math.min(BURST, rows + (Math.max(0, now - at) / 1000) * PER_SECOND)
    budgets.set(of, { rows: room >= 1 ? room - 1 : room, at: now })
    return room >= 1
  }

  /** A credential that is nobody's is told by its address alone: what it asked for is what its sender made up. */
  const entryOf = (one: Noted, keys: ReadonlyMap<Hex, FormerKey>): AuditEntry => {
    const { who, at, ...rest } = one
    const common = { ...rest, at: new Date(at), before: undefined, after: undefined }
    if (typeof who !== 'string') return { ...common, ...actorOf(who) }
    const key = keys.get(who)
    if (key) return { ...common, ...actorOf(key.principal), reasons: [formerReason(key, at)] }
    return { ...common, tenant, actor: 'unknown', actorKind: 'unknown', product: undefined, resource: '*' }
  }

  const droppedEntry = (of: string, count: number): AuditEntry => ({
    tenant: of,
    actor: 'journal',
    actorKind: 'system',
    product: undefined,
    action: 'audit.drop',
    resource: 'audit',
    outcome: 'denied',
    reasons: ['many'],
    count,
    requestId: 'journal',
    correlationId: 'journal',
    client: undefined,
    at: new Date(clock.now()),
    before: undefined,
    after: undefined,
  })

  const entriesOf = async (batch: ReadonlyMap<string, Noted>): Promise<AuditEntry[]> => {
    const hashes = [...batch.values()].flatMap(({ who }) => (typeof who === 'string' && who !== 'unknown' ? [who] : []))
    const found = hashes.length === 0 ? [] : await keysEverByHash(database, [...new Set(hashes)])
    const keys = new Map(found.map(key => [key.hash, key]))
    const rows = new Map<string, AuditEntry & { count: number }>()
    for (const one of batch.values()) {
      const entry = entryOf(one, keys)
      const { tenant: of, actor, action, resource, outcome, client, reasons } = entry
      addTo(rows, [of, actor, action, resource, outcome, client, ...reasons].join('\n'), { ...entry })
    }
    return [...rows.values()]
  }

  const write = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const batch = noted
    noted = new Map()
    ofOne = new Map()
    try {
      const entries = await entriesOf(batch)
      const within = entries.filter(({ outcome, tenant: of }) => outcome === 'allowed' || takeRow(of))
      const told = [...dropped].filter(([of]) => takeRow(of))
      await recordAll(database, [...within, ...told.map(([of, count]) => droppedEntry(of, count))])
      for (const [of] of told) dropped.delete(of)
      for (const { tenant: of, count } of entries.filter(entry => !within.includes(entry))) drop(of, count)
    } catch (error) {
      // What Postgres refuses it refuses again; whatever else it was may pass. Equal ones are added up with what comes next.
      const isHopeless = isMatrixError(error, 'internal')
      for (const [key, one] of batch) {
        if (!isHopeless && (noted.has(key) || noted.size < MOST_NOTED)) addTo(noted, key, one)
        else drop(isHopeless ? tenant : tenantOf(one), one.count)
      }
      throw error
    } finally {
      if (noted.size > 0 || dropped.size > 0) writeSoon()
    }
  }

  const flush = async (): Promise<void> => {
    await writing?.catch(() => undefined) // reported to whoever began it
    if (noted.size === 0 && dropped.size === 0) return
    writing = write()
    return writing
  }

  return {
    note,
    flush,
    async close() {
      await flush().catch(error => log.warn({ err: error }, 'audit journal'))
      clearTimeout(timer)
    },
  }
}
