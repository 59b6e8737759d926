/**
 * Who has asked how often. An account is what one caller is held to: its own windows, those of its product and those of its
 * tenant, so that neither a key nor a product nor a tenant takes what is another's. Callers without a credential have an account
 * an address, in nobody's name: they use up no product's quota.
 *
 * Administrators set the limits and are not held to them.
 *
 * Refusals cost the refused nothing: whoever waits for as long as he is told finds room.
 */
import { LRUCache } from 'lru-cache'
import { type ErrorOptions, refuse } from '../model/errors.ts'
import type { Principal, Proven } from '../model/principal.ts'
import type { Quota, RateClass } from '../model/quota.ts'
import type { Settlement } from './settle.ts'
import { byClass, openSharedWindows, type QuotaOptions, type Shared, type Windows } from './shared-windows.ts'
import { count, fullOf, openWindow, policyField, rateLimitField, type Window } from './window.ts'

/** About 1 KB each; whoever is forgotten begins anew. */
const KEPT_ACCOUNTS = 50_000

export interface Account {
  /** Counts a request. Throws `rate-limited`, and then has counted nothing. */
  take(rateClass: RateClass): void
  /** The refusal that `take` would throw now. */
  isFull(rateClass: RateClass): boolean
  /** Of the answer; `undefined` where nothing limits it. */
  fields(rateClass: RateClass): { 'RateLimit-Policy': string; RateLimit: string } | undefined
}

/** As metrics name it. */
interface Whose {
  readonly tenant: string
  readonly product: string
}

const NOBODY: Whose = { tenant: '', product: '' }

export interface RatesOptions extends QuotaOptions {
  /** Of failed credentials from one address. */
  readonly authQuota: Quota | undefined
  readonly settlement?: Settlement
  readonly onLimited: (limited: Whose & { readonly class: RateClass | 'auth'; readonly advisory: boolean }) => void
}

interface Known {
  readonly secretHash: string | undefined
  readonly proven: Pick<Proven, 'principal'> | undefined
}

export interface Rates {
  of(principal: Principal): Promise<Account>
  /** An account that `of` has given for what the credential proves. */
  known(credential: Known): Account | undefined
  /** Of the key with this hash. */
  remember(secretHash: string, account: Account): void
  ofAddress(subscriber: string): Account
  /** Counts a credential that failed. Throws `rate-limited` where there were too many from there. */
  failed(subscriber: string): void
  /** The limits of a product have changed. */
  refresh(tenant: string, product: string): Promise<void>
}

const UNLIMITED: Account = { take: () => undefined, isFull: () => false, fields: () => undefined }

const isLimited = ({ product, scopes }: Principal): boolean => product !== undefined && !scopes.includes('matrix:admin')

/** An issuer may choose any id. */
const nameOf = ({ tenant, product = '', kind, id }: Principal): string =>
  `${tenant}/${product}/${kind}/${encodeURIComponent(id)}`

export const openRates = (options: RatesOptions): Rates => {
  const { keyQuotas, authQuota, advisory, settlement, now, onLimited } = options
  const shares = openSharedWindows(options)
  const accounts = new LRUCache<string, Account>({ max: KEPT_ACCOUNTS })
  const byHash = new LRUCache<string, Account>({ max: KEPT_ACCOUNTS })
  const failures = new LRUCache<string, readonly Window[]>({ max: KEPT_ACCOUNTS })
  const taken = (windows: readonly Window[], at: number, rateClass: RateClass | 'auth', whose: Whose): void => {
    const full = fullOf(windows, at)
    if (full) {
      onLimited({ class: rateClass, ...whose, advisory: full.advisory })
      const held = full.advisory
        ? fullOf(
            windows.filter(window => !window.advisory),
            at,
          )
        : full
      if (held) throw limited(held, at)
    }
    count(windows, at)
    settlement?.changed(windows)
  }

  const accountOf = (windowsOf: (at: number) => Windows, whose: Whose): Account => {
    let policy: { of: Windows; fields: Record<string, string> } | undefined
    return {
      take(rateClass) {
        const at = now()
        taken(windowsOf(at)[rateClass], at, rateClass, whose)
      },
      isFull(rateClass) {
        const at = now()
        return fullOf(windowsOf(at)[rateClass], at)?.advisory === false
      },
      fields(rateClass) {
        const at = now()
        const all = windowsOf(at)
        if (all[rateClass].length === 0) return undefined
        if (policy?.of !== all) policy = { of: all, fields: {} }
        const { fields } = policy
        fields[rateClass] ??= policyField(all[rateClass])
        return { 'RateLimit-Policy': fields[rateClass], RateLimit: rateLimitField(all[rateClass], at) }
      },
    }
  }

  const openAccount = (principal: Principal, shared: Shared): Account => {
    const ofTenant = shares.ofTenant(principal.tenant)
    const who = nameOf(principal)
    let revision = -1
    let windows: Windows | undefined
    const current = (at: number): Windows => {
      if (shares.isStale(shared, at)) shares.read(shared).catch(() => undefined) // what was read before goes on
      if (windows === undefined || revision !== shared.revision) {
        revision = shared.revision
        const { key_rates: own } = shared.limits
        windows = byClass(rateClass => [
          ...shares.windowOf('key', who, rateClass, { own: own?.[rateClass], usual: keyQuotas[rateClass] }),
          ...shared.windows[rateClass],
          ...ofTenant[rateClass],
        ])
      }
      return windows
    }
    return accountOf(current, { tenant: shared.tenant, product: shared.product })
  }

  const seen = (principal: Principal): Account | undefined =>
    isLimited(principal) ? accounts.get(nameOf(principal)) : UNLIMITED

  return {
    async of(principal) {
      const known = seen(principal)
      if (known) return known
      const shared = shares.ofProduct(principal.tenant, principal.product ?? '')
      if (!shared.isRead) await shares.read(shared)
      const meanwhile = seen(principal)
      if (meanwhile) return meanwhile
      const account = openAccount(principal, shared)
      accounts.set(nameOf(principal), account)
      return account
    },
    known: ({ secretHash, proven }) =>
      proven ? seen(proven.principal) : secretHash === undefined ? undefined : byHash.get(secretHash),
    remember: (secretHash, account) => void byHash.set(secretHash, account),
    ofAddress(subscriber) {
      const name = `address/${subscriber}`
      const known = accounts.get(name)
      if (known) return known
      const windows = byClass(rateClass =>
        shares.windowOf('address', subscriber, rateClass, { usual: keyQuotas[rateClass] }),
      )
      const account = accountOf(() => windows, NOBODY)
      accounts.set(name, account)
      return account
    },
    failed(subscriber) {
      if (!authQuota) return
      const name = `address/${subscriber}/auth`
      const windows = failures.get(name) ?? [openWindow({ name, label: 'auth', quota: authQuota, advisory })]
      failures.set(name, windows)
      taken(windows, now(), 'auth', NOBODY)
    },
    refresh: (tenant, product) => shares.readNow(shares.ofProduct(tenant, product)),
  }
}

/** The name of the window says whose it is: nobody hears more than his own. */
const limited = ({ label, quota, endsAt }: Window, at: number) => {
  const options: ErrorOptions = {
    retryAfterSeconds: Math.max(1, Math.ceil((endsAt - at) / 1000)),
    details: { limit: { name: label, requests: quota.requests, seconds: quota.seconds } },
  }
  return refuse('rate-limited', `The limit ${label} is ${quota.requests} requests in ${quota.seconds} s.`, options)
}
