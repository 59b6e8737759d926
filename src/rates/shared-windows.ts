/**
 * The windows that accounts share: those of a product and of a tenant, by the defaults or by what the product was given of its
 * own. A product's limits are read when it is first seen, and again every `REFRESH_MS` while it asks; the gateway that changes
 * them heeds them at once.
 */
import { singleFlight } from '../lib/single-flight.ts'
import { type ProductLimits, type Quota, RATE_CLASSES, type RateClass } from '../model/quota.ts'
import { openWindow, type Window } from './window.ts'

const REFRESH_MS = 5_000

export type Windows = Readonly<Record<RateClass, readonly Window[]>>

export const byClass = (make: (rateClass: RateClass) => readonly Window[]): Windows =>
  Object.fromEntries(RATE_CLASSES.map(rateClass => [rateClass, make(rateClass)])) as unknown as Windows

export interface QuotaOptions {
  /** Of one key. `undefined`: not limited. */
  readonly keyQuotas: Readonly<Partial<Record<RateClass, Quota>>>
  /** How many keys' quotas a product has, and a tenant; 0: as much as they like. */
  readonly productFactor: number
  readonly tenantFactor: number
  /** Defaults are counted and told and not held; what a product was given of its own is held. */
  readonly advisory: boolean
  readonly readLimits: (tenant: string, product: string) => Promise<ProductLimits>
  readonly now: () => number
}

/** Limits of a product and the windows that all its accounts share. */
export interface Shared {
  readonly tenant: string
  readonly product: string
  limits: ProductLimits
  windows: Windows
  /** Of the last read that was begun. */
  readAt: number
  isRead: boolean
  /** Moves on when the limits do. */
  revision: number
}

const times = ({ requests, seconds }: Quota, factor: number): Quota => ({ requests: requests * factor, seconds })

export const openSharedWindows = (options: QuotaOptions) => {
  const { keyQuotas, productFactor, tenantFactor, advisory, readLimits, now } = options
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
    shared.isRead = true
    if (JSON.stringify(limits) === JSON.stringify(shared.limits)) return
    shared.limits = limits
    shared.windows = productWindows(shared.tenant, shared.product, limits)
    shared.revision++
  }

  return {
    windowOf,
    ofTenant(tenant: string): Windows {
      const known = tenants.get(tenant)
      if (known) return known
      const made = byClass(rateClass =>
        windowOf('tenant', tenant, rateClass, { usual: usually(rateClass, tenantFactor) }),
      )
      tenants.set(tenant, made)
      return made
    },
    ofProduct(tenant: string, product: string): Shared {
      const name = `${tenant}/${product}`
      const known = products.get(name)
      if (known) return known
      const windows = productWindows(tenant, product, {})
      const readAt = Number.NEGATIVE_INFINITY
      const made: Shared = { tenant, product, limits: {}, windows, readAt, isRead: false, revision: 0 }
      products.set(name, made)
      return made
    },
    isStale: ({ readAt }: Shared, at: number): boolean => at - readAt > REFRESH_MS,
    /** Whoever asks meanwhile waits for the same read. */
    read: (shared: Shared): Promise<void> => reading(`${shared.tenant}/${shared.product}`, () => readNow(shared)),
    /** A read of its own: one that is under way may have begun before a change. */
    readNow,
  }
}
