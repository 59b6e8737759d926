/**
 * What is known of a version, for a page or a program that has its delivery path and nothing else: how large the picture is and
 * what the product has of it. Decided as a rendition is; of other products, and of who uploaded what, it says nothing.
 */

import type { Database } from '../manifest/database.ts'
import { findMetadata, type Metadata } from '../manifest/original-metadata.ts'
import { findOriginalOf } from '../manifest/original-of.ts'
import { type ManifestLeaf, manifestLeaves } from '../manifest/product-manifest.ts'
import { placeholderOf } from '../model/look.ts'
import { type Original, uprightSize } from '../model/original.ts'
import type { Common, Unpublished } from './answer.ts'
import { nothingHere, permit } from './permit.ts'
import { keyOf, type LookDependencies, proved, type Question } from './resolve.ts'
import { shownFrom } from './shown.ts'

export interface Info extends Common {
  readonly kind: 'info'
  /** Of the original, as found in its content. */
  readonly mediaType: string
  /** As a person sees it; `undefined`: it is no picture. */
  readonly size: { readonly width: number; readonly height: number; readonly frames: number } | undefined
  /** Ready, in the order of rendition and format. */
  readonly renditions: readonly ManifestLeaf[]
  /** What the original says of itself; `undefined`: it is no picture. */
  readonly metadata: Metadata | undefined
}

const sizeOf = ({ image }: Original): Info['size'] => image && { ...uprightSize(image), frames: image.frames }

/** Throws the refusals of `resolve`. */
export type FindInfo = (question: Question) => Promise<Info | Unpublished>

export const openInfo = (dependencies: LookDependencies & { readonly database: Database }): FindInfo => {
  const { tenant, read, database } = dependencies
  return async asked => {
    // The look is read with what is for documents.
    const facts = await read(keyOf(tenant, { ...asked, countSharers: true }))
    asked.learn?.(facts.browser)
    const question = proved(dependencies, facts, asked)
    const shown = shownFrom(facts, question, { tenant, edge: await permit(dependencies, facts, question) })
    if (shown.kind === 'unpublished') return shown
    const { shared, version } = shown
    const { asset, collection, product } = shared
    const of = { tenant: shared.tenant, product }
    const [original, renditions, metadata] = await Promise.all([
      findOriginalOf(database, { tenantId: shared.tenant, assetId: asset, version: version.version }),
      manifestLeaves(database, of, [{ asset, version: version.version, collection }]),
      findMetadata(database, { tenant: shared.tenant, asset, version: version.version }),
    ])
    if (!original) throw nothingHere() // erased in this moment
    return {
      kind: 'info',
      ...shared,
      version: version.version,
      placeholder: placeholderOf(version.look),
      mediaType: original.mediaType,
      size: sizeOf(original),
      renditions,
      metadata,
    }
  }
}
