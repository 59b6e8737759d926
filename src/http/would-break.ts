/** How many assets a schema of attributes would find wrong: told before it is set, and when it is. They stay as they are. */
import { setImmediate } from 'node:timers/promises'
import { z } from '@hono/zod-openapi'
import { sampleAttributes } from '../manifest/attribute-sample.ts'
import type { Sql } from '../manifest/database.ts'
import { countAssets } from '../manifest/impact.ts'
import { attributeCheck } from '../model/attribute-check.ts'
import type { SchemaObject } from '../model/attribute-schema.ts'

const MOST_CHECKED = 2_000
const SAMPLE = 20
/** Other requests are let through so often. */
const AT_ONCE = 50
/** A schema may be dear, by somebody who is allowed to write it: what was not looked at by then is not counted. */
const MOST_MS = 2_000

export const WouldBreakSchema = z
  .object({
    assets: z.int().openapi({ description: 'That do not fit; of those that were checked' }),
    checked: z.int().openapi({ description: `The newest, ${MOST_CHECKED} at most` }),
    of: z.int().openapi({ description: 'Assets of the collection' }),
    sample: z.array(z.object({ asset: z.uuid(), pointer: z.string(), rule: z.string() })),
  })
  .openapi({ description: 'Assets whose attributes do not fit the schema. They stay as they are' })

export const wouldBreak = async (
  sql: Sql,
  { tenant, collection, schema }: { tenant: string; collection: string; schema: SchemaObject },
): Promise<z.infer<typeof WouldBreakSchema>> => {
  const check = attributeCheck(schema)
  const newest = await sampleAttributes(sql, { tenant, collection, limit: MOST_CHECKED })
  const of = newest.length < MOST_CHECKED ? newest.length : await countAssets(sql, tenant, collection)
  const sample: { asset: string; pointer: string; rule: string }[] = []
  const until = performance.now() + MOST_MS
  let [checked, assets] = [0, 0]
  for (const { asset, attributes } of newest) {
    if (checked % AT_ONCE === AT_ONCE - 1) await setImmediate()
    if (performance.now() > until) break
    checked++
    const [first] = check(attributes)
    if (first === undefined) continue
    assets++
    if (sample.length < SAMPLE) sample.push({ asset, pointer: first.pointer, rule: first.rule })
  }
  return { assets, checked, of, sample }
}
