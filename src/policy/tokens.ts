/**
 * From a token to a principal. In the order of what it costs: what it says of itself, who could prove it (one gathered read, like
 * that of a key), whether it was proven before, and only then its signature.
 *
 * A proof is remembered for a minute at most, with the edition of its issuer and the revision of the tenant's matrix, read in one
 * snapshot. Any change of an issuer is a new edition and a new revision in one transaction (migration 0015). So whoever finds the
 * same edition, or reads facts of the same revision, knows that the issuer still stands as it was; a changed or deleted one ends
 * with the next request, on every gateway, and the warm path needs no read of its own for that.
 *
 * Measured in the warm lane, 700 characters: 16 us of CPU a request with a remembered token, 11 with a key; in the routes, of a
 * token that is seen first, 0.4 to 0.6 ms by the kind of its signature.
 */
import { hash } from 'node:crypto'
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../lib/clock.ts'
import type { IssuerStamp, TokenPair } from '../manifest/issuers.ts'
import { isMatrixError } from '../model/errors.ts'
import type { IssuerEdition } from '../model/issuer.ts'
import type { Principal, Proven } from '../model/principal.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { unauthenticated } from './authenticate.ts'
import { LEEWAY_SECONDS, principalOf, readToken } from './token.ts'

export interface TokensOptions {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Pick<Metrics, 'tokens'>
  readonly findStamp: (pair: TokenPair) => Promise<IssuerStamp | undefined>
  readonly findIssuer: (tenant: string, name: string) => Promise<IssuerEdition | undefined>
  readonly keysOf: (issuer: IssuerEdition) => JWTVerifyGetKey
}

interface Remembered {
  readonly edition: number
  readonly proven: Proven
  /** Epoch milliseconds. */
  readonly until: number
}

const REMEMBER_MS = 60_000
/** About 600 bytes each. */
const MAX_REMEMBERED = 10_000
const MAX_EDITIONS = 200

/** Of a bounded set: they are labels of a metric. */
type Reason =
  | 'malformed'
  | 'expired'
  | 'unknown-issuer'
  | 'unknown-key'
  | 'unusable-key'
  | 'invalid'
  | 'unknown-subject'

export const openTokens = ({ clock, log, metrics, findStamp, findIssuer, keysOf }: TokensOptions) => {
  const remembered = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED })
  const editions = new LRUCache<number, IssuerEdition>({ max: MAX_EDITIONS })

  /** One answer for all; why is for us, and nothing of the token is in it. */
  const refused = (reason: Reason, issuer?: { tenant: string; name: string }) => {
    metrics.tokens.inc({ result: reason })
    log.debug({ reason, tenant: issuer?.tenant, issuer: issuer?.name }, 'token refused')
    return unauthenticated()
  }

  const recall = (digest: string): Remembered | undefined => {
    const known = remembered.get(digest)
    return known !== undefined && known.until > clock.now() ? known : undefined
  }

  /** The audience of exactly one issuer here; a token for several would leave open whose it is. */
  const stampOf = async (token: string): Promise<IssuerStamp> => {
    const claims = readToken(token)
    if (claims === undefined) throw refused('malformed')
    if (claims.exp + LEEWAY_SECONDS <= clock.now() / 1000) throw refused('expired')
    const { iss, audiences } = claims
    const stamps = await Promise.all(audiences.map(audience => findStamp({ iss, audience })))
    const [stamp, ...more] = stamps.filter(found => found !== undefined)
    if (stamp === undefined || more.length > 0) throw refused('unknown-issuer')
    return stamp
  }

  /** `undefined`: it was changed since the stamp was read. */
  const issuerOf = async ({ edition, tenant, name }: IssuerStamp): Promise<IssuerEdition | undefined> => {
    const known = editions.get(edition)
    if (known !== undefined) return known
    const found = await findIssuer(tenant, name)
    if (found?.edition !== edition) return undefined
    editions.set(edition, found)
    return found
  }

  const verify = async (token: string, issuer: IssuerEdition): Promise<JWTPayload & { exp: number }> => {
    try {
      const { payload } = await jwtVerify<{ exp: number }>(token, keysOf(issuer), {
        algorithms: [...issuer.algorithms],
        issuer: issuer.iss,
        audience: issuer.audience,
        requiredClaims: ['exp'],
        clockTolerance: LEEWAY_SECONDS,
        currentDate: new Date(clock.now()),
      })
      // jose heeds iat only where the age of a token is limited.
      if (payload.iat !== undefined && payload.iat > clock.now() / 1000 + LEEWAY_SECONDS)
        throw refused('invalid', issuer)
      return payload
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw refused('expired', issuer)
      if (error instanceof errors.JWKSNoMatchingKey) throw refused('unknown-key', issuer)
      if (error instanceof errors.JOSEError) throw refused('invalid', issuer)
      if (isMatrixError(error)) {
        if (error.retryable) metrics.tokens.inc({ result: 'unavailable' })
        throw error
      }
      // A key of theirs that is too short, or no key at all: the platform says so in errors of its own.
      log.warn({ err: error, tenant: issuer.tenant, issuer: issuer.name }, 'key of an issuer cannot be used')
      throw refused('unusable-key', issuer)
    }
  }

  const principalIn = (issuer: IssuerEdition, payload: JWTPayload): Principal => {
    const principal = principalOf(issuer, payload)
    if (principal === undefined) throw refused('unknown-subject', issuer)
    return principal
  }

  /** Throws `unauthenticated`, or `dependency-unavailable` where only the issuer's keys could tell. */
  const prove = async (token: string): Promise<Proven> => {
    const stamp = await stampOf(token)
    const { edition, matrixRevision: asOf } = stamp
    const digest = hash('sha256', token)
    const known = recall(digest)
    if (known?.edition === edition) {
      metrics.tokens.inc({ result: 'remembered' })
      const proven = { ...known.proven, asOf }
      remembered.set(digest, { ...known, proven })
      return { ...proven, renew: () => prove(token) }
    }
    const issuer = await issuerOf(stamp)
    if (issuer === undefined) return prove(token)
    const payload = await verify(token, issuer)
    metrics.tokens.inc({ result: 'verified' })
    const expiresAt = (payload.exp + LEEWAY_SECONDS) * 1000
    const proven = { principal: principalIn(issuer, payload), expiresAt, asOf }
    remembered.set(digest, { edition, proven, until: Math.min(expiresAt, clock.now() + REMEMBER_MS) })
    return { ...proven, renew: () => prove(token) }
  }

  return {
    prove,
    /** What was proven of it lately; it is for who compares `asOf` with the facts. */
    remembered: (token: string): Proven | undefined => recall(hash('sha256', token))?.proven,
  }
}
