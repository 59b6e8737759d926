/** What renditions want of one original, as rows: every node once per wish, and the leaf that binds it. Pure. */
import { canonicalText } from '../lib/canonical.ts'
import type { LeafWish, NodeWish } from '../manifest/leaves.ts'
import { isVariant, leafNameOf } from '../model/delivery-path.ts'
import { type FocalPoints, focalOf } from '../model/focal.ts'
import type { Hex } from '../model/ids.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Rendition } from '../model/product.ts'
import type { Format } from '../model/recipe.ts'
import { keepsPrivate } from '../ops/metadata.ts'
import { AUTO } from '../ops/place.ts'
import { LANES, type Lane } from '../queue/queue.ts'
import { recipeAt } from './dpr.ts'
import { type PlannedRendition, planRendition } from './plan.ts'

export interface Wishes {
  readonly nodes: readonly NodeWish[]
  readonly leaves: readonly LeafWish[]
}

/** An original, and what of its asset is to be kept in sight. */
export interface Aimed {
  readonly sha256: Hex
  readonly image: ImageFacts
  readonly focal?: FocalPoints | undefined
}

/** What it comes to depends on the focal point. */
export const isAimed = ({ recipe }: Pick<Rendition, 'recipe'>): boolean =>
  recipe.stages.some(stage => stage.some(({ params }) => params.gravity === AUTO))

/** What a publish does not wait for runs after what it waits for. */
const OPTIONAL_DELAY = 20

/** Was allowed when the rendition was named, and is no longer. */
const forbidden = ({ format, required }: PlannedRendition): PlannedRendition => ({
  format,
  required,
  refusal: { code: 'private-metadata', message: 'The product may not keep private metadata here.' },
})

/**
 * With an `urgent` format somebody waits: that one is interactive and the rest of the rendition follows in the given lane.
 * Without, lazy renditions are noted and not yet wanted; and so are those beyond what a product may have of one version.
 */
export const wishesFor = (
  renditions: readonly Rendition[],
  source: Aimed,
  {
    lane,
    urgent,
    maxCpuMs,
    maxVariants = Number.POSITIVE_INFINITY,
  }: { lane: Lane; urgent?: Format; maxCpuMs?: number | undefined; maxVariants?: number },
): Wishes => {
  const nodes: NodeWish[] = []
  const leaves: LeafWish[] = []
  const made = new Map<string, Set<Hex>>()
  for (const rendition of renditions) {
    const name = leafNameOf({ rendition: rendition.name, dpr: rendition.dpr })
    const { sha256, image } = source
    const aimed = { sha256, image, focal: focalOf(source.focal, rendition.product) }
    const planned = planRendition(recipeAt(rendition.recipe, rendition.dpr, image), aimed, maxCpuMs)
    const isForbidden = keepsPrivate(rendition.recipe) && !rendition.privateMetadata
    const outputs = isForbidden ? planned.map(forbidden) : planned
    // Nobody waits for a variant but who asks for it: no publish, and no count of what is complete.
    const isNamed = !isVariant(name)
    const own = made.get(rendition.product) ?? new Set()
    made.set(rendition.product, own)
    outputs.forEach(({ format, node, refusal, required }, position) => {
      const hasRoom = node === undefined || own.has(node.key) || own.size < maxVariants
      const eager = rendition.lane === 'eager' && hasRoom && isNamed
      if (node && eager) own.add(node.key)
      if (node) {
        const priority = format === urgent ? LANES.interactive : LANES[lane] + (required ? 0 : OPTIONAL_DELAY)
        nodes.push({
          node,
          chain: canonicalText(node.chain),
          priority,
          wanted: eager || urgent !== undefined,
          product: rendition.product,
        })
      }
      leaves.push({
        product: rendition.product,
        rendition: name,
        revision: rendition.revision,
        format,
        position,
        required: required && isNamed,
        eager,
        node: node?.key,
        refusal,
      })
    })
  }
  return { nodes, leaves }
}
