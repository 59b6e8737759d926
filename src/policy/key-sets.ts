/**
 * The public keys of issuers, by jose from their JWKS. Three states of a set:
 *
 * - fresh: asked nobody for less than `REFRESH_MS`. A key that is not in it may be a new one, so the set is read again at once,
 *   but strangers can name such keys too: five times in a row, then once in ten seconds.
 * - old: read again beside the requests, which go on with the keys that are known. Beyond `STALE_MS`, when nobody has asked for
 *   a while, the first ones wait for it. An issuer that is away stops nobody, and is waited for once.
 * - none, or older than `MAX_AGE_MS`: whoever needs it waits, and hears 503 when it cannot be had. Never an allow.
 *
 * A key that the issuer withdraws is believed for `STALE_MS` while the issuer answers, and for `MAX_AGE_MS` at most.
 */
import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { boundedText } from '../lib/bounded-text.ts'
import { type BreakerRow, type BreakerState, openBreaker } from '../lib/breaker.ts'
import type { Clock } from '../lib/clock.ts'
import { refuse } from '../model/errors.ts'
import { jwksUriFault } from '../model/issuer.ts'
import { worstState } from '../telemetry/breaker-metrics.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface KeySetsOptions {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Pick<Metrics, 'keySets' | 'breakers'>
  readonly breaker: BreakerRow
  /** Whether a set may be at http: on this machine. */
  readonly loopbackHttp: boolean
}

const REFRESH_MS = 5 * 60_000
const STALE_MS = 2 * REFRESH_MS
const MAX_AGE_MS = 6 * 3_600_000
/** After a failure nobody asks for this long; after several the breaker of the set says for how long. */
const RETRY_MS = 2_000
const TIMEOUT_MS = 3_000
/** 500 RSA keys. */
const MAX_BYTES = 256 * 1024
const ASKS = { burst: 5, everyMs: 10_000 }

const unavailable = (cause: unknown, waitMs = 0) =>
  refuse('dependency-unavailable', 'The keys of the issuer of this token cannot be had.', {
    cause,
    retryAfterSeconds: Math.ceil(Math.max(RETRY_MS, waitMs) / 1000),
  })

/** Bounded after decompression; a redirect is an answer like any other that is not 200. */
const fetchBounded: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options)
  const body = await boundedText(response, MAX_BYTES)
  if (body === undefined) throw new Error(`The key set has more than ${MAX_BYTES} bytes`)
  return new Response(body, { status: response.status })
}

/** May strangers' unknown keys have the set read again? */
const openAsks = ({ now }: Clock) => {
  let left = ASKS.burst
  let filledAt = now()
  return (): boolean => {
    const more = Math.floor((now() - filledAt) / ASKS.everyMs)
    if (more > 0) {
      left = Math.min(ASKS.burst, left + more)
      filledAt += more * ASKS.everyMs
    }
    return left > 0 && left-- > 0
  }
}

interface KeySet {
  readonly find: JWTVerifyGetKey
  readonly state: () => BreakerState
}

const openKeySet = (uri: string, { clock, log, metrics, loopbackHttp, breaker: row }: KeySetsOptions): KeySet => {
  const fault = jwksUriFault(uri, { loopbackHttp })
  // When to read is decided here alone, so jose is told never to.
  const never = { cooldownDuration: Number.POSITIVE_INFINITY, cacheMaxAge: Number.POSITIVE_INFINITY }
  const remote = createRemoteJWKSet(new URL(uri), {
    ...never,
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: fetchBounded,
  })
  const mayAsk = openAsks(clock)
  const breaker = openBreaker({ ...row, now: clock.now })
  let readAt = Number.NEGATIVE_INFINITY
  let failed: { readonly at: number; readonly cause: unknown } | undefined
  let reading: Promise<void> | undefined
  /** Reads that were begun. */
  let begun = 0

  /** Once; where it has been left alone, as often as makes sure that it is back: else the next would be asked in five minutes. */
  const reload = async (): Promise<void> => {
    do {
      const report = breaker.admit()
      if (report === undefined) throw new Error('It has failed too often and is left alone')
      await remote.reload().then(
        () => report('succeeded'),
        error => {
          report('failed')
          throw error
        },
      )
    } while (breaker.state() === 'half-open')
  }
  const readOnce = async (): Promise<void> => {
    try {
      if (fault !== undefined) throw new Error(fault)
      await reload()
      readAt = clock.now()
      failed = undefined
      metrics.keySets.inc({ result: 'read' })
    } catch (cause) {
      failed = { at: clock.now(), cause }
      metrics.keySets.inc({ result: 'failed' })
      log.warn({ err: cause, uri }, 'key set not read')
      throw unavailable(cause, breaker.waitMs())
    }
  }
  const hasJustFailed = (): boolean =>
    failed !== undefined && (breaker.waitMs() > 0 || clock.now() - failed.at < RETRY_MS)
  /** Begins a read or joins the one in flight; tells which it was. */
  const readSet = async (): Promise<number> => {
    if (hasJustFailed()) throw unavailable(failed?.cause, breaker.waitMs())
    if (reading === undefined) {
      begun++
      reading = readOnce().finally(() => {
        reading = undefined
      })
    }
    const number = begun
    await reading
    return number
  }

  const find: JWTVerifyGetKey = async (header, token) => {
    const age = clock.now() - readAt
    const before = begun
    let read = before
    if (age > MAX_AGE_MS) read = await readSet()
    else if (age > REFRESH_MS) {
      const next = readSet().catch(() => before) // said where it failed; the keys that are known go on
      if (age > STALE_MS && failed === undefined) read = await next
    }
    for (;;) {
      try {
        return await remote(header, token)
      } catch (error) {
        // A read that was begun since the question is the last word; one that was in flight may be older than the key.
        if (!(error instanceof errors.JWKSNoMatchingKey) || read > before) throw error
        if (reading === undefined && failed === undefined && !mayAsk()) throw error
        read = await readSet()
      }
    }
  }
  return { find, state: breaker.state }
}

const MAX_SETS = 1_000

/** Each tenant has sets of its own, so that nobody spends the asks of another. */
export const openKeySets = (options: KeySetsOptions) => {
  const sets = new LRUCache<string, KeySet>({ max: MAX_SETS })
  options.metrics.breakers.set('jwks', () => worstState([...sets.values()].map(({ state }) => state())))
  return ({ tenant, jwksUri }: { tenant: string; jwksUri: string }): JWTVerifyGetKey => {
    const name = `${tenant} ${jwksUri}`
    const known = sets.get(name)
    if (known !== undefined) return known.find
    const opened = openKeySet(jwksUri, options)
    sets.set(name, opened)
    return opened.find
  }
}
