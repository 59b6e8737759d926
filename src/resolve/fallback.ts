/**
 * What is shown in place of what is not there yet. Each is looked for where the one before it is not to be had:
 *
 *   previous     the same rendition of the newest earlier version that was shown: only where the caller asked for that, for
 *                another version is another picture, and there may have been a reason to replace it
 *   nearest      another format of the rendition; else another rendition of the product, closest in size
 *   placeholder  a few pixels of how the original looks
 *
 * Everything that is given is asked for as if it had been the question: the same read, the same rules and engines. A link is
 * for one rendition, so behind one no other stands in: the public one may have a watermark that the others lack.
 */
import { recipeAt } from '../graph/dpr.ts'
import { planRendition } from '../graph/plan.ts'
import type { Database } from '../manifest/database.ts'
import { madeOfVersion, versionBefore } from '../manifest/fallbacks.ts'
import { findOriginalOf } from '../manifest/original-of.ts'
import { findRendition } from '../manifest/renditions.ts'
import { isMatrixError } from '../model/errors.ts'
import type { Look } from '../model/look.ts'
import { uprightSize } from '../model/original.ts'
import type { Answer, Pending, Ready, Unpublished } from './answer.ts'
import { byNearness } from './nearest.ts'
import type { Question, Resolve } from './resolve.ts'

export type Fallback =
  | { readonly kind: 'nearest' | 'previous'; readonly ready: Ready }
  | {
      readonly kind: 'placeholder'
      readonly of: Pending | Unpublished
      /** Upright; `undefined`: nothing may be said of the picture yet. */
      readonly size: { readonly width: number; readonly height: number } | undefined
      readonly look: Look | undefined
    }

export type FallbackKind = Fallback['kind']

/** What may stand in, first choice first. Resolves with the answer itself, where it has come by now. */
export type FindFallback = (question: Question, order: readonly FallbackKind[]) => Promise<Answer | Fallback>

export interface FallbackDependencies {
  readonly database: Database
  /** One look, and nothing set in motion. */
  readonly look: Resolve
}

/** A few of those that might be, in case the rules have something against the first. */
const TRIES = 4

export const openFallback = ({ database, look }: FallbackDependencies): FindFallback => {
  /** `undefined`: it may not be given, or not any more. */
  const tryLook = async (question: Question): Promise<Ready | undefined> => {
    try {
      const answer = await look(question)
      return answer.kind === 'ready' ? answer : undefined
    } catch (error) {
      if (isMatrixError(error) && error.status < 500) return undefined
      throw error
    }
  }

  const previous = async (question: Question, of: Pending): Promise<Fallback | undefined> => {
    const { rendition, format } = question
    const version = await versionBefore(database, { ...of, rendition, format })
    const ready = version === undefined ? undefined : await tryLook({ ...question, version, dpr: undefined })
    return ready && { kind: 'previous', ready }
  }

  const pictureOf = async ({ tenant, collection, product, asset, version, rendition: name }: Pending) => {
    const [original, rendition] = await Promise.all([
      findOriginalOf(database, { tenantId: tenant, assetId: asset, version }),
      findRendition(database, { tenantId: tenant, collectionId: collection, productId: product, name }),
    ])
    return { image: original?.image, sha256: original?.sha256 ?? '', recipe: rendition?.recipe }
  }

  const plannedSize = async (of: Pending) => {
    const { image, sha256, recipe } = await pictureOf(of)
    const [planned] = image && recipe ? planRendition(recipeAt(recipe, of.dpr, image), { sha256, image }) : []
    const { width, height } = planned?.node ?? {}
    return width === undefined || height === undefined ? undefined : { width, height }
  }

  const nearest = async (question: Question, of: Pending): Promise<Fallback | undefined> => {
    const { rendition, accept, signed, shareHash } = question
    const made = await madeOfVersion(database, of)
    const isLink = signed !== undefined || shareHash !== undefined
    const usable = isLink ? made.filter(one => one.rendition === rendition) : made
    if (usable.length === 0) return undefined
    const size = await plannedSize(of)
    for (const one of byNearness(usable, { rendition, accept, size }).slice(0, TRIES)) {
      const ready = await tryLook({ ...question, rendition: one.rendition, dpr: undefined, format: one.format })
      if (ready) return { kind: 'nearest', ready }
    }
    return undefined
  }

  const placeholder = async (of: Pending | Unpublished): Promise<Fallback> => {
    // What has not been published yet is shown to nobody, not even as a blur.
    if (of.kind === 'unpublished') return { kind: 'placeholder', of, size: undefined, look: undefined }
    const { tenant, asset, version } = of
    const original = await findOriginalOf(database, { tenantId: tenant, assetId: asset, version })
    const size = original?.image && uprightSize(original.image)
    return { kind: 'placeholder', of, size, look: of.placeholder }
  }

  return async (asked, order) => {
    // Documents read how the original looks, and so does this.
    const question = { ...asked, countSharers: true, waitMs: 0 }
    const answer = await look(question)
    if (answer.kind !== 'pending' && answer.kind !== 'unpublished') return answer
    for (const kind of order) {
      if (kind === 'placeholder') return placeholder(answer)
      const found =
        answer.kind === 'pending' &&
        (await (kind === 'nearest' ? nearest(question, answer) : previous(question, answer)))
      if (found) return found
    }
    return answer
  }
}
