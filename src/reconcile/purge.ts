/**
 * The outbox of purges, delivered: to each target at least once, in no order, many in a call. A refusal is tried again with full
 * jitter, or when the target says, and given up after a while; what was given up is a finding of the doctor and can be redriven.
 *
 * Who takes purges has them for a minute, in which everything that was begun ends. Who dies in it leaves them to be taken again:
 * those who have heard them hear them twice. What was said is written down once, after the calls (purge-progress.ts).
 */
import type { PurgeTarget } from '../deliver/purge.ts'
import type { PurgeVerifier } from '../deliver/purge-verify.ts'
import type { Clock } from '../lib/clock.ts'
import { inLanes } from '../lib/in-lanes.ts'
import { recordOwnAct } from '../manifest/audit.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { prunePurges, settlePurge, type TakenPurge, type Targets, takePurges } from '../manifest/purges.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { tell } from './purge-calls.ts'
import { advance, isDue, type Said, standingOf, VERIFY } from './purge-progress.ts'

export interface PurgeDependencies {
  readonly database: Database
  readonly log: Log
  readonly clock: Clock
  readonly purgeTargets: readonly PurgeTarget[]
  readonly verifyPurge?: PurgeVerifier | undefined
  readonly metrics?: Pick<Metrics, 'purgeTries'>
}

const AT_ONCE = 256
/** Calls are begun for 40 s and take 15 at most. */
const HOLD_MS = 60_000
const BEGIN_MS = 40_000
const VERIFIED_AT_ONCE = 8
const KEEP_MS = 7 * 24 * 3_600_000
/** Where nobody is to be told: who is to be soon shall find what has just changed. */
const KEEP_UNTOLD_MS = 24 * 3_600_000

const recordOutcome = (
  tx: Sql,
  { id, tenant, reason, subject, tags, tries }: TakenPurge,
  { state, answer, targets }: { state: 'DONE' | 'DEAD'; answer: string; targets: Targets },
): Promise<void> =>
  recordOwnAct(tx, {
    tenant,
    actor: 'sweep',
    requestId: `purge:${id}`,
    action: state === 'DONE' ? 'purge.done' : 'purge.dead',
    resource: subject,
    reasons: [reason],
    after: { purge: id, tags, tries, answer, ...(targets[VERIFY] && { verified: targets[VERIFY].answer }) },
  })

/** Of each purge, by the name of the target. */
type Heard = Map<TakenPurge, Map<string, Said>>

const tellAll = async (
  { purgeTargets, clock }: PurgeDependencies,
  taken: readonly TakenPurge[],
  isInTime: () => boolean,
): Promise<Heard> => {
  const heard: Heard = new Map(taken.map(purge => [purge, new Map()]))
  const names = purgeTargets.map(({ name }) => name)
  const now = clock.now()
  await Promise.all(
    purgeTargets.map(async target => {
      const due = taken.filter(purge => isDue(purge.targets, names, target.name, now))
      const said = await tell(target, due, isInTime)
      due.forEach((purge, n) => {
        heard.get(purge)?.set(target.name, said[n])
      })
    }),
  )
  return heard
}

const settle = async (
  { database, log, clock, purgeTargets, verifyPurge, metrics }: PurgeDependencies,
  purge: TakenPurge,
  round: Omit<Parameters<typeof advance>[2], 'now' | 'verifyAfterMs'>,
): Promise<void> => {
  const now = clock.now()
  const names = purgeTargets.map(({ name }) => name)
  const targets = advance(purge.targets, names, { ...round, now, verifyAfterMs: verifyPurge?.afterMs })
  const standing = standingOf(targets, names, now)
  const { state, answer } = standing
  await database.transaction(async tx => {
    const isMine = await settlePurge(tx, purge, { ...standing, targets })
    if (isMine && state !== 'PENDING') await recordOutcome(tx, purge, { state, answer, targets })
  })
  for (const [target, said] of round.said) {
    if (said === undefined) continue
    const isDead = targets[target]?.state === 'DEAD'
    const result = said.ok ? 'done' : isDead ? 'dead' : said.limited ? 'limited' : 'refused'
    metrics?.purgeTries.inc({ target, result })
    if (!said.ok)
      log.warn({ purge: purge.id, target, tries: targets[target]?.tries, answer: said.answer }, 'purge refused')
  }
  if (round.verified === undefined) return
  const { result, answer: seen } = round.verified
  metrics?.purgeTries.inc({ target: VERIFY, result })
  if (result === 'stale' || result === 'no answer') log.warn({ purge: purge.id, result, seen }, 'purge not verified')
}

/** Until nothing is due. Resolves with how many were taken. */
export const deliverPurges = async (dependencies: PurgeDependencies): Promise<number> => {
  const { database, clock, purgeTargets, verifyPurge } = dependencies
  if (purgeTargets.length === 0) return 0
  for (let tried = 0; ; ) {
    const taken = await takePurges(database, { limit: AT_ONCE, holdMs: HOLD_MS })
    const [at, deadline] = [clock.now(), performance.now() + BEGIN_MS]
    const isInTime = () => performance.now() < deadline
    const isTold = ({ targets }: TakenPurge) => purgeTargets.every(({ name }) => targets[name]?.state === 'DONE')
    const toVerify = verifyPurge ? taken.filter(isTold) : []
    const [heard, verified] = await Promise.all([
      tellAll(dependencies, taken, isInTime),
      inLanes(toVerify, {
        atOnce: VERIFIED_AT_ONCE,
        goesOn: isInTime,
        work: async purge => verifyPurge?.ask(purge),
      }),
    ])
    for (const [purge, said] of heard) {
      const n = toVerify.indexOf(purge)
      await settle(dependencies, purge, { at, said, verified: n === -1 ? undefined : verified[n] })
    }
    tried += taken.length
    if (taken.length < AT_ONCE) return tried
  }
}

export const tidyPurges = ({ database, purgeTargets }: PurgeDependencies): Promise<void> =>
  prunePurges(database, {
    keepMs: purgeTargets.length > 0 ? KEEP_MS : KEEP_UNTOLD_MS,
    pending: purgeTargets.length === 0,
  })
