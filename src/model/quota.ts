/** How much of what in how long, and what a product may have of everything. */

/** `resolve`: reads, warm ones above all. `cold`: new derivatives. `ingest`: uploads. `write`: every other change. */
export const RATE_CLASSES = ['resolve', 'cold', 'ingest', 'write'] as const
export type RateClass = (typeof RATE_CLASSES)[number]

/** So many requests in a window that begins with the first of them. */
export interface Quota {
  readonly requests: number
  readonly seconds: number
}

/** What a product has in place of the defaults; `undefined`: the default. */
export interface ProductLimits {
  /** Of all its keys together. */
  readonly rates?: Readonly<Partial<Record<RateClass, Quota>>>
  /** Of each of its keys. */
  readonly key_rates?: Readonly<Partial<Record<RateClass, Quota>>>
  /** CPU of derivatives that are made in its name, a day (UTC). */
  readonly cpu_seconds_per_day?: number
  /** Of originals that it brought. */
  readonly stored_bytes?: number
}
