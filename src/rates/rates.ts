/**
 * Who has asked how often. An account is what one caller is held to: its own windows, those of its product and those of its
 * tenant, so that neither a key nor a product nor a tenant takes what is another's. Callers without a credential have an account
 * an address, in nobody's name: they use up no product's quota.
 *
 * Administrators set the limits and are not held to them.
 *
 * A product's own limits are read when it is first seen, and again every `REFRESH_MS` while it asks; the gateway that changes
 * them heeds them at once. Refusals cost the refused nothing: whoever waits for as long as he is told finds room.
 */
import { LRUCache } from 'lru-cache'
import { singleFlight } from '../lib/single-flight.ts'
import { type ErrorOptions, refuse } from '../model/errors.ts'
import type { Principal, Proven } from '../model/principal.ts'
import { type ProductLimits, type Quota, RATE_CLASSES, type RateClass } from '../model/quota.ts'
import type { Settlement } from './settle.ts'
import { count, fullOf, openWindow, policyField, rateLimitField, type Window } from './window.ts'

const REFRESH_MS = 5_000
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

export interface RatesOptions {
  /** Of one key. `undefined`: not limited. */
  readonly keyQuotas: Readonly<Partial<Record<RateClass, Quota>>>
  /** How many keys' quotas a product has, and a tenant; 0: as much as they like. */
  readonly productFactor: number
  readonly tenantFactor: number
  /** Of failed credentials from one address. */
  readonly authQuota: Quota | undefined
  /** Defaults are counted and told and not held; what a product was given of its own is held. */
  readonly advisory: boolean
  readonly readLimits: (tenant: string, product: string) => Promise<ProductLimits>
  readonly settlement?: Settlement
  readonly now: () => number
  readonly onLimited: (limited: { class: RateClass | 'auth'; product: string; advisory: boolean }) => void
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

type Windows = Readonly<Record<RateClass, readonly Window[]>>

/** Limits of a product and the windows that all its accounts share. */
interface Shared {
  readonly tenant: string
  readonly product: string
  limits: ProductLimits
  windows: Windows
  readAt: number
  /** Moves on when the limits do. */
  revision: number
}

const UNLIMITED: Account = { take: () => undefined, isFull: () => false, fields: () => undefined }

const isLimited = ({ product, scopes }: Principal): boolean => product !== undefined && !scopes.includes('matrix:admin')

/** An issuer may choose any id. */
const nameOf = ({ tenant, product = '', kind, id }: Principal): string =>
  `${tenant}/${product}/${kind}/${encodeURIComponent(id)}`

const times = ({ requests, seconds }: Quota, factor: number): Quota => ({ requests: requests * factor, seconds })

const byClass = (make: (rateClass: RateClass) => readonly Window[]): Windows =>
  Object.fromEntries(RATE_CLASSES.map(rateClass => [rateClass, make(rateClass)])) as unknown as Windows

export const openRates = (options: RatesOptions): Rates => {
  const { keyQuotas, productFactor, tenantFactor, authQuota, advisory, readLimits, settlement, now, onLimited } =
    options
  const accounts = new LRUCache<string, Account>({ max: KEPT_ACCOUNTS })
  const byHash = new LRUCache<string, Account>({ max: KEPT_ACCOUNTS })
  const failures = new LRUCache<string, readonly Window[]>({ max: KEPT_ACCOUNTS })
  const products = new Map<string, Shared>()
  const tenants = new Map<string, Windows>()
  const reading = singleFlight<void>()

  const windowOf = (
    kind: 'key' | 'product' | 'tenant' | 'address',
    who: string,
    rateClass: RateClass,
    { own, usual }: { own?: Quota | undefined; usual: Quota | undefined },
  ): readonly Window[] => {
    const quota = own ?? usual
    if (quota === undefined) return []
    const label = kind === 'key' || kind === 'address' ? rateClass : `${rateClass}-${kind}`
    return [openWindow({ name: `${kind}/${who}/${rateClass}`, label, quota, advisory: advisory && own === undefined })]
  }

  const usually = (rateClass: RateClass, factor: number): Quota | undefined => {
    const quota = keyQuotas[rateClass]
    return quota && factor > 0 ? times(quota, factor) : undefined
  }

  const tenantWindows = (tenant: string): Windows => {
    const known = tenants.get(tenant)
    if (known) return known
    const made = byClass(rateClass =>
      windowOf('tenant', tenant, rateClass, { usual: usually(rateClass, tenantFactor) }),
    )
    tenants.set(tenant, made)
    return made
  }

  const productWindows = (tenant: string, product: string, { rates }: ProductLimits): Windows =>
    byClass(rateClass =>
      windowOf('product', `${tenant}/${product}`, rateClass, {
        own: rates?.[rateClass],
        usual: usually(rateClass, productFactor),
      }),
    )

  const readNow = async (shared: Shared): Promise<void> => {
    shared.readAt = now()
    const limits = await readLimits(shared.tenant, shared.product)
    if (JSON.stringify(limits) === JSON.stringify(shared.limits)) return
    shared.limits = limits
    shared.windows = productWindows(shared.tenant, shared.product, limits)
    shared.revision++
  }
  const read = (shared: Shared): Promise<void> => reading(`${shared.tenant}/${shared.product}`, () => readNow(shared))

  const sharedOf = (tenant: string, product: string): Shared => {
    const name = `${tenant}/${product}`
    const known = products.get(name)
    if (known) return known
    const windows = productWindows(tenant, product, {})
    const made: Shared = { tenant, product, limits: {}, windows, readAt: Number.NEGATIVE_INFINITY, revision: 0 }
    products.set(name, made)
    return made
  }

  const taken = (windows: readonly Window[], at: number, rateClass: RateClass | 'auth', product: string): void => {
    const full = fullOf(windows, at)
    if (full) {
      onLimited({ class: rateClass, product, advisory: full.advisory })
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

  const accountOf = (windowsOf: (at: number) => Windows, product: string): Account => {
    let policy: { of: Windows; fields: Record<string, string> } | undefined
    return {
      take(rateClass) {
        const at = now()
        taken(windowsOf(at)[rateClass], at, rateClass, product)
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

  const openAccount = (principal: Principal, product: string): { account: Account; shared: Shared } => {
    const { tenant } = principal
    const shared = sharedOf(tenant, product)
    const ofTenant = tenantWindows(tenant)
    const who = nameOf(principal)
    let revision = -1
    let windows: Windows | undefined
    const current = (at: number): Windows => {
      if (at - shared.readAt > REFRESH_MS) read(shared).catch(() => undefined) // what was read before goes on
      if (windows === undefined || revision !== shared.revision) {
        revision = shared.revision
        const { key_rates: own } = shared.limits
        windows = byClass(rateClass => [
          ...windowOf('key', who, rateClass, { own: own?.[rateClass], usual: keyQuotas[rateClass] }),
          ...shared.windows[rateClass],
          ...ofTenant[rateClass],
        ])
      }
      return windows
    }
    return { account: accountOf(current, product), shared }
  }

  const seen = (principal: Principal): Account | undefined =>
    isLimited(principal) ? accounts.get(nameOf(principal)) : UNLIMITED

  return {
    async of(principal) {
      const known = seen(principal)
      if (known) return known
      const { account, shared } = openAccount(principal, principal.product ?? '')
      accounts.set(nameOf(principal), account)
      if (shared.readAt === Number.NEGATIVE_INFINITY) await read(shared)
      return account
    },
    known: ({ secretHash, proven }) =>
      proven ? seen(proven.principal) : secretHash === undefined ? undefined : byHash.get(secretHash),
    remember: (secretHash, account) => void byHash.set(secretHash, account),
    ofAddress(subscriber) {
      const name = `address/${subscriber}`
      const known = accounts.get(name)
      if (known) return known
      const windows = byClass(rateClass => windowOf('address', subscriber, rateClass, { usual: keyQuotas[rateClass] }))
      const account = accountOf(() => windows, '')
      accounts.set(name, account)
      return account
    },
    failed(subscriber) {
      if (!authQuota) return
      const name = `address/${subscriber}/auth`
      const windows = failures.get(name) ?? [openWindow({ name, label: 'auth', quota: authQuota, advisory })]
      failures.set(name, windows)
      taken(windows, now(), 'auth', '')
    },
    // Of its own: a read that is under way may have begun before the change.
    refresh: (tenant, product) => readNow(sharedOf(tenant, product)),
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
