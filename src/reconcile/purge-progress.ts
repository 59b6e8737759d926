/**
 * How far a purge is, and what comes next. Pure.
 *
 *     each target   PENDING -> DONE | DEAD, by its own answers and in its own time: one that is down keeps no other waiting
 *     verify        PENDING once all are DONE -> DONE | DEAD; what has had no effect is PENDING with all of them again
 *     the purge     PENDING while one of these is, DEAD if one is, else DONE
 */
import type { PurgeAnswer } from '../deliver/purge.ts'
import type { Verified } from '../deliver/purge-verify.ts'
import { fullJitter } from '../lib/backoff.ts'
import type { Targets } from '../manifest/purges.ts'
import type { PurgeProgress, PurgeState } from '../model/purge.ts'
import { RETRIES } from '../model/retries.ts'

export const VERIFY = 'verify'

/** Told so often, and a copy was still there each time. */
const MAX_ROUNDS = 5
const MAX_RETRY_AFTER_MS = 3_600_000

/** `undefined`: it was not told, for others of the round came first. */
export type Said = PurgeAnswer | undefined

const NEW: PurgeProgress = { state: 'PENDING', tries: 0, answer: 'waits', at: 0, notBefore: 0 }

/** A refusal for being too many is no try: how long that goes on is up to others. */
export const afterCall = (
  before: PurgeProgress = NEW,
  said: Said,
  { at, now }: { at: number; now: number },
): PurgeProgress => {
  if (said === undefined) return { ...before, notBefore: now }
  const tries = before.tries + (!said.ok && said.limited ? 0 : 1)
  const told = { tries, answer: said.answer, at, notBefore: now }
  if (said.ok) return { ...told, state: 'DONE' }
  if (tries >= RETRIES.purge.tries) return { ...told, state: 'DEAD' }
  const asked = Math.min(said.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
  return { ...told, state: 'PENDING', notBefore: now + Math.max(asked, fullJitter(Math.max(tries, 1), RETRIES.purge)) }
}

const afterVerifying = (
  before: PurgeProgress,
  { result, answer }: Verified,
  { at, now }: { at: number; now: number },
): PurgeProgress => {
  const tries = before.tries + 1
  const asked = { tries, answer: `${result} ${answer}`, at, notBefore: now }
  if (result !== 'stale' && result !== 'no answer') return { ...asked, state: 'DONE' }
  if (tries >= MAX_ROUNDS) return { ...asked, state: 'DEAD' }
  return { ...asked, state: 'PENDING', notBefore: now + fullJitter(tries, RETRIES.purge) }
}

export interface Round {
  readonly now: number
  /** When the round began. */
  readonly at: number
  /** What those who were told in it answered. */
  readonly said: ReadonlyMap<string, Said>
  readonly verified: Verified | undefined
  readonly verifyAfterMs: number | undefined
}

/** The targets after a round. `names`: of those who have to hear it now; others are forgotten. */
export const advance = (before: Targets, names: readonly string[], round: Round): Targets => {
  const { now, said, verified, verifyAfterMs } = round
  const told = Object.fromEntries(
    names.map(name => [name, said.has(name) ? afterCall(before[name], said.get(name), round) : (before[name] ?? NEW)]),
  )
  if (verifyAfterMs === undefined) return told
  const waiting = before[VERIFY] ?? NEW
  if (verified !== undefined) {
    const verify = afterVerifying(waiting, verified, round)
    if (verified.result !== 'stale' || verify.state !== 'PENDING') return { ...told, [VERIFY]: verify }
    const again = { ...NEW, notBefore: verify.notBefore }
    return { ...Object.fromEntries(names.map(name => [name, again])), [VERIFY]: verify }
  }
  const isTold = names.every(name => told[name]?.state === 'DONE')
  const wasTold = names.every(name => before[name]?.state === 'DONE')
  return { ...told, [VERIFY]: isTold && !wasTold ? { ...waiting, notBefore: now + verifyAfterMs } : waiting }
}

/** Whether it is to be told now. A purge that was taken is due for whoever it waited for the least. */
export const isDue = (targets: Targets, names: readonly string[], name: string, now: number): boolean => {
  const waits = (one: string): number | undefined => {
    const { state, notBefore } = targets[one] ?? NEW
    return state === 'PENDING' ? notBefore : undefined
  }
  const own = waits(name)
  if (own === undefined) return false
  return own <= Math.max(now, Math.min(...names.map(one => waits(one) ?? Number.POSITIVE_INFINITY)))
}

export interface Standing {
  readonly state: PurgeState
  /** Until the next of them is due. */
  readonly retryMs: number
  /** Of each. */
  readonly answer: string
}

export const standingOf = (targets: Targets, names: readonly string[], now: number): Standing => {
  const isTold = names.every(name => targets[name]?.state === 'DONE')
  const open = isTold ? (targets[VERIFY] === undefined ? [] : [VERIFY]) : names
  const pending = open.filter(name => targets[name]?.state === 'PENDING')
  const isDead = open.some(name => targets[name]?.state === 'DEAD')
  const state = pending.length > 0 ? 'PENDING' : isDead ? 'DEAD' : 'DONE'
  const retryMs = Math.max(0, Math.min(...pending.map(name => targets[name]?.notBefore ?? 0)) - now)
  const answers = Object.entries(targets).map(([name, { answer }]) => [name, answer] as const)
  const [[, only] = []] = answers
  return {
    state,
    retryMs: pending.length > 0 ? retryMs : 0,
    answer: answers.length === 1 && only !== undefined ? only : answers.map(pair => pair.join(' ')).join(', '),
  }
}
