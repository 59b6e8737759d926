/**
 * What is laid on pictures: rendered once for all chains of an order that lay on the same, and kept for the orders that follow,
 * for a logo is on everything. Bytes depend on the second original and its chain alone.
 */
import { LRUCache } from 'lru-cache'
import { canonicalText } from '../lib/canonical.ts'
import type { Step } from '../model/recipe.ts'
import { type Second, secondOf } from '../ops/composite.ts'
import { openDecode } from '../ops/decode.ts'
import type { Render } from '../ops/pixels.ts'
import { openPixels, type Pixels } from '../ops/pixels.ts'
import { applyStep } from '../ops/registry.ts'
import type { Order } from './decode-protocol.ts'
import { StepFailure } from './step-failure.ts'

const KEPT_BYTES = 16 * 1024 * 1024

export interface Seconds {
  /** `undefined`: the step has no other parent. Throws `second-unreadable`. */
  of(step: Step, order: Order, render: Render): Promise<Pixels | undefined>
}

export const openSeconds = (): Seconds => {
  const kept = new LRUCache<string, Pixels>({ maxSize: KEPT_BYTES, sizeCalculation: ({ data }) => data.length })

  const make = async ({ original, chain }: Second, { seconds, maxPixels }: Order, render: Render): Promise<Pixels> => {
    const bytes = seconds?.[original]
    const [decode, ...steps] = chain
    if (!bytes || !decode) throw new TypeError(`Expected the bytes of ${original}`)
    let pixels = await render(openDecode(bytes, decode.params, { maxPixels }))
    for (const step of steps) pixels = await render(await applyStep(openPixels(pixels), step, pixels))
    return pixels
  }

  return {
    async of(step, order, render) {
      const second = secondOf(step)
      if (!second) return undefined
      const name = canonicalText(second)
      const known = kept.get(name)
      if (known) return known
      try {
        const pixels = await make(second, order, render)
        kept.set(name, pixels)
        return pixels
      } catch (cause) {
        if (cause instanceof TypeError || cause instanceof StepFailure) throw cause
        throw new StepFailure('second-unreadable', cause)
      }
    },
  }
}
