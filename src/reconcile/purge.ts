/**
 * The outbox of purges, delivered: at least once each, in no order, several at a time. A refusal is tried again with full jitter,
 * or when the hook says, and given up after a while; what was given up is a finding of the doctor and can be redriven.
 */
import type { Purger } from '../deliver/purge.ts'
import { fullJitter } from '../lib/backoff.ts'
import { recordAudit } from '../manifest/audit.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { prunePurges, settlePurge, type TakenPurge, takePurges } from '../manifest/purges.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface PurgeDependencies {
  readonly database: Database
  readonly log: Log
  readonly purger?: Purger | undefined
  readonly metrics?: Pick<Metrics, 'purgeTries'>
}

const AT_ONCE = 16
/** Longer than any call takes. */
const HOLD_MS = 60_000
/** With full jitter ten tries take 16 minutes on average, and 32 at most. */
const MAX_TRIES = 10
const RETRY = { baseMs: 2_000, capMs: 15 * 60_000 }
const MAX_RETRY_AFTER_MS = 3_600_000
const KEEP_MS = 7 * 24 * 3_600_000
/** Where no hook is configured: one that is soon shall find what has just changed. */
const KEEP_UNTOLD_MS = 24 * 3_600_000

const recordOutcome = (
  tx: Sql,
  { id, tenant, reason, subject, tags, tries }: TakenPurge,
  { state, answer }: { state: 'DONE' | 'DEAD'; answer: string },
): Promise<void> =>
  recordAudit(tx, {
    tenant,
    actor: 'sweep',
    actorKind: 'system',
    product: undefined,
    requestId: `purge:${id}`,
    correlationId: `purge:${id}`,
    client: undefined,
    action: state === 'DONE' ? 'purge.done' : 'purge.dead',
    resource: subject,
    reasons: [reason],
    before: undefined,
    after: { purge: id, tags, tries, answer },
  })

const deliver = async (
  { database, log, metrics }: PurgeDependencies,
  purger: Purger,
  purge: TakenPurge,
): Promise<void> => {
  const said = await purger(purge)
  const isDead = !said.ok && purge.tries >= MAX_TRIES
  const state = said.ok ? 'DONE' : isDead ? 'DEAD' : 'PENDING'
  const asked = said.ok ? 0 : Math.min(said.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
  const retryMs = state === 'PENDING' ? Math.max(asked, fullJitter(purge.tries, RETRY)) : 0
  await database.transaction(async tx => {
    const isMine = await settlePurge(tx, purge, { state, answer: said.answer, retryMs })
    if (isMine && state !== 'PENDING') await recordOutcome(tx, purge, { state, answer: said.answer })
  })
  metrics?.purgeTries.inc({ result: said.ok ? 'done' : isDead ? 'dead' : 'refused' })
  if (!said.ok) log.warn({ purge: purge.id, tries: purge.tries, answer: said.answer, state }, 'purge refused')
}

/** Until nothing is due. Resolves with how many were tried. */
export const deliverPurges = async (dependencies: PurgeDependencies): Promise<number> => {
  const { database, purger } = dependencies
  if (!purger) return 0
  for (let tried = 0; ; ) {
    const taken = await takePurges(database, { limit: AT_ONCE, holdMs: HOLD_MS })
    await Promise.all(taken.map(purge => deliver(dependencies, purger, purge)))
    tried += taken.length
    if (taken.length < AT_ONCE) return tried
  }
}

export const tidyPurges = ({ database, purger }: PurgeDependencies): Promise<void> =>
  prunePurges(database, { keepMs: purger ? KEEP_MS : KEEP_UNTOLD_MS, pending: purger === undefined })
