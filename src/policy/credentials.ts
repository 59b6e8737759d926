/** Who is behind an `Authorization` header, whichever kind it is. */
import type { BreakerRow } from '../lib/breaker.ts'
import type { Clock } from '../lib/clock.ts'
import { gather } from '../lib/gather.ts'
import type { Database } from '../manifest/database.ts'
import { findIssuer, type IssuerStamp, readIssuerStamps, type TokenPair } from '../manifest/issuers.ts'
import { recordKeyUse } from '../manifest/key-use.ts'
import { keysByHash } from '../manifest/products.ts'
import type { Hex } from '../model/ids.ts'
import type { Principal, Proven } from '../model/principal.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { claimed, presented } from './authenticate.ts'
import { openKeySets } from './key-sets.ts'
import { type NotesKeyUse, openKeyUse } from './key-use.ts'
import { openTokens } from './tokens.ts'

/** For questions that look a key up together with their answer. Neither: anonymous. */
export interface Credential {
  readonly secretHash: Hex | undefined
  readonly proven: Proven | undefined
}

export interface CredentialsOptions {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Whether key sets of issuers may be at http: on this machine. */
  readonly loopbackHttp: boolean
  /** Before each key set. */
  readonly breaker: BreakerRow
}

export const ANONYMOUS: Credential = { secretHash: undefined, proven: undefined }

/** The live principal behind a key's hash; reads of one event-loop turn share a query. */
const openFindKey = (database: Database, { note }: NotesKeyUse) =>
  gather<Hex, Principal | undefined>({
    read: async hashes => {
      const keys = await keysByHash(database, [...new Set(hashes)])
      const byHash = new Map(keys.map(key => [key.hash, key]))
      return hashes.map(hash => {
        const key = byHash.get(hash)
        if (key === undefined) return undefined
        const { tenant_id: tenant, key_id: id, product_id, scopes } = key
        const principal = { tenant, kind: 'key' as const, id, product: product_id ?? undefined, scopes }
        note(principal)
        return principal
      })
    },
  })

export const openCredentials = ({ database, clock, log, metrics, loopbackHttp, breaker }: CredentialsOptions) => {
  const keyUse = openKeyUse({ clock, record: uses => recordKeyUse(database, uses) })
  const findKey = openFindKey(database, keyUse)
  const tokens = openTokens({
    clock,
    log,
    metrics,
    findStamp: gather<TokenPair, IssuerStamp | undefined>({ read: pairs => readIssuerStamps(database, pairs) }),
    findIssuer: (tenant, name) => findIssuer(database, tenant, name),
    keysOf: openKeySets({ clock, log, metrics, loopbackHttp, breaker }),
  })
  return {
    keyUse,
    /** `undefined`: there is no live one. Throws `unauthenticated`, or `dependency-unavailable` for a token whose issuer is away. */
    async findPrincipal(authorization: string | undefined): Promise<Principal | undefined> {
      const given = presented(authorization)
      if (given === undefined) return undefined
      return given.token === undefined ? findKey(given.secretHash) : (await tokens.prove(given.token)).principal
    },
    /** The same, of a key only that it may be one: it is looked up with the answer. */
    async identify(authorization: string | undefined): Promise<Credential> {
      const given = presented(authorization)
      if (given === undefined) return ANONYMOUS
      return given.token === undefined
        ? { secretHash: given.secretHash, proven: undefined }
        : { secretHash: undefined, proven: await tokens.prove(given.token) }
    },
    /** What is known of it without asking anybody. `undefined`: not enough. */
    recall(authorization: string | undefined): Credential | undefined {
      const given = claimed(authorization)
      if (given === undefined) return ANONYMOUS
      if (given.token === undefined) return { secretHash: given.secretHash, proven: undefined }
      const proven = tokens.remembered(given.token)
      return proven && { secretHash: undefined, proven }
    },
  }
}
