/** How many versions a collection keeps, and what would go. */
import { z } from '@hono/zod-openapi'
import type { Sql } from '../manifest/database.ts'
import { versionsBeyond } from '../manifest/prune.ts'

export const KeepVersions = z.int().min(1).max(1000).openapi({
  description:
    'So many of the versions of an asset that were shown are kept, the current one among them; absent: all. The others go once they have not been shown for the grace of a delete',
})

export const WouldPurgeSchema = z
  .object({
    versions: z
      .number()
      .int()
      .openapi({ description: 'Now, and those whose grace is not over; counted to a thousand' }),
    sample: z.array(z.object({ asset: z.uuid(), version: z.number().int() })),
  })
  .openapi({ description: 'With `validate_only`: what would be kept no longer' })

const MOST_COUNTED = 1_000
const SAMPLE = 20
const ALL_ASSETS = 100_000_000

export const wouldPurge = async (
  sql: Sql,
  wish: { readonly tenant: string; readonly collection: string; readonly keep: number },
): Promise<z.infer<typeof WouldPurgeSchema>> => {
  const found = await versionsBeyond(sql, { ...wish, graceMs: 0, assets: ALL_ASSETS, limit: MOST_COUNTED })
  return { versions: found.length, sample: found.slice(0, SAMPLE) }
}
