/** What a product may have in place of the defaults, as it is written and shown. */
import { z } from '@hono/zod-openapi'
import { type ProductLimits, RATE_CLASSES, type RateClass } from '../model/quota.ts'

const Quota = z
  .strictObject({ requests: z.int().min(1).max(1_000_000_000), seconds: z.int().min(1).max(86_400) })
  .openapi('Quota')
const Rates = z.strictObject(
  Object.fromEntries(RATE_CLASSES.map(name => [name, Quota.optional()])) as Record<
    RateClass,
    z.ZodOptional<typeof Quota>
  >,
)

export const LimitsSchema = z
  .strictObject({
    rates: Rates.optional().openapi({ description: 'Requests of all its keys together, by class' }),
    key_rates: Rates.optional().openapi({ description: 'Requests of each of its keys, by class' }),
    cpu_seconds_per_day: z
      .number()
      .min(0)
      .max(1e9)
      .optional()
      .openapi({ description: 'CPU of derivatives made in its name, a day (UTC)' }),
    stored_bytes: z
      .int()
      .min(0)
      .max(2 ** 50)
      .optional()
      .openapi({ description: 'Bytes of originals that it brought' }),
  })
  .openapi('ProductLimits')

type Rates = ProductLimits['rates']

const ratesOf = (rates: Rates): Rates => {
  const set = RATE_CLASSES.flatMap(name => {
    const quota = rates?.[name]
    return quota ? [[name, { requests: quota.requests, seconds: quota.seconds }]] : []
  })
  return set.length > 0 ? Object.fromEntries(set) : undefined
}

/** In one order, whatever that of the body or of the column, and without what says nothing: equal limits have one ETag. */
export const limitsOf = (given: z.infer<typeof LimitsSchema> | ProductLimits): ProductLimits => {
  const { cpu_seconds_per_day: cpu, stored_bytes: bytes } = given
  const [rates, keyRates] = [ratesOf(given.rates as Rates), ratesOf(given.key_rates as Rates)]
  return {
    ...(rates && { rates }),
    ...(keyRates && { key_rates: keyRates }),
    ...(cpu !== undefined && { cpu_seconds_per_day: cpu }),
    ...(bytes !== undefined && { stored_bytes: bytes }),
  }
}
