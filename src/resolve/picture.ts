/**
 * Which derivatives make one `<picture>`: of each rendition those that are ready, by format and by width. Pure.
 *
 * A browser takes the first source whose type it knows and looks at no other, and it chooses between the widths of a source as if
 * all were the same picture. So
 *
 * - a format that lacks the largest rendition is no source: whoever takes it would see a small picture enlarged;
 * - a rendition of another shape than the largest is none of the widths;
 * - sources stand in the order in which `auto` would choose, which for a picture that moves puts first what keeps it moving.
 */
import type { ResolvedLeaf } from '../manifest/resolve-read.ts'
import { leafNameOf } from '../model/delivery-path.ts'
import { MEDIA_TYPE } from '../model/recipe.ts'
import type { Ready, Unpublished } from './answer.ts'
import { type Answered, isRefused, type Outcome } from './many.ts'
import { nothingHere } from './permit.ts'

export interface Pictured {
  readonly kind: 'pictured'
  /** Best first; the last one is for every browser. */
  readonly sources: readonly { readonly type: string | undefined; readonly candidates: readonly Ready[] }[]
  /** The largest of the last source that is for a screen of one pixel to one of the page. */
  readonly image: Ready
  /** They are one rendition for several screens, to be chosen by these and not by the place that it has. */
  readonly isOfScreens: boolean
  readonly alt: string | undefined
  readonly pending: readonly Waiting[]
  readonly leftOut: readonly LeftOut[]
}

/** Nothing of it is ready, and something will be. */
export interface NotPictured {
  readonly kind: 'pending'
  readonly pending: readonly Waiting[]
  readonly leftOut: readonly LeftOut[]
  readonly asset: string
  readonly version: number
  readonly publication: number
}

export interface Waiting {
  readonly rendition: string
  readonly formats: readonly string[]
}

export interface LeftOut {
  readonly rendition?: string
  readonly format?: string
  /** `other-aspect`, `largest-missing`, or the code of the refusal. */
  readonly reason: string
}

export type Picture = Pictured | NotPictured | Unpublished

/** What concerns one rendition, and not the asset or the caller: the others make a picture without it. */
const OF_ONE = new Set(['rendition-failed', 'rate-limited', 'overloaded', 'over-budget'])

/** For browsers that know everything, and nothing to choose from for the others. */
const isModern = ({ format }: Pick<Ready, 'format'>): boolean => format === 'avif' || format === 'webp'

interface Part {
  /** What every browser gets of it. */
  readonly fallback: Ready
  readonly leaves: readonly ResolvedLeaf[]
}

const partOf = ({ answer, facts }: Answered): Part[] =>
  answer.kind === 'ready'
    ? [{ fallback: answer, leaves: facts.leaves.filter(({ state }) => state !== 'REFUSED' && state !== 'DEAD') }]
    : []

/** Of equal shape, but for what rounding to whole pixels makes of it. */
const isAlike = ({ derivative: one }: Ready, { derivative: largest }: Ready): boolean =>
  Math.abs(one.height - (one.width * largest.height) / largest.width) <= 1

/** The same rendition in another format, where that is ready. */
const inFormat = ({ fallback, leaves }: Part, format: string): Ready | undefined => {
  const leaf = leaves.find(one => one.format === format)
  if (leaf?.derivative === undefined || leaf.node === undefined) return undefined
  const { format: name, node, derivative, sharedWith } = leaf
  return { ...fallback, negotiated: false, format: name, node, derivative, sharedWith }
}

/** Narrowest first, each width once. */
const byWidth = (candidates: readonly Ready[]): Ready[] =>
  [...new Map(candidates.toReversed().map(one => [one.derivative.width, one])).values()].sort(
    (a, b) => a.derivative.width - b.derivative.width,
  )

const waitingOf = ({ fallback, leaves }: Part): Waiting[] => {
  const formats = leaves.filter(leaf => leaf.derivative === undefined).map(({ format }) => format)
  return formats.length === 0 ? [] : [{ rendition: leafNameOf(fallback), formats }]
}

const typeOf = (candidates: readonly Ready[]): string | undefined => {
  const types = new Set(candidates.map(({ format }) => MEDIA_TYPE[format]))
  return types.size === 1 ? [...types][0] : undefined
}

const widestOf = (parts: readonly [Part, ...Part[]]): Part =>
  parts.reduce((a, b) => (b.fallback.derivative.width > a.fallback.derivative.width ? b : a))

const composed = (parts: readonly [Part, ...Part[]], pending: readonly Waiting[], leftOut: readonly LeftOut[]) => {
  const widest = widestOf(parts)
  const alike = parts.filter(({ fallback }) => isAlike(fallback, widest.fallback))
  const [plain = widest, ...others1x] = alike.filter(({ fallback }) => fallback.dpr === undefined)
  const { fallback: largest } = widestOf([plain, ...others1x])
  const others = parts.filter(part => !alike.includes(part))
  const fallbacks = byWidth(alike.map(({ fallback }) => ({ ...fallback, negotiated: false })))
  const modern = new Set(alike.flatMap(({ leaves }) => leaves.filter(isModern).map(({ format }) => format)))
  const order = widest.leaves.map(({ format }) => format).filter(format => modern.has(format))
  const complete = order.filter(format => inFormat(widest, format) !== undefined)
  const sources = complete
    .map(format => byWidth(alike.flatMap(part => inFormat(part, format) ?? [])))
    .filter(candidates => typeOf(candidates) !== typeOf(fallbacks))
  return {
    sources: [...sources, fallbacks].map(candidates => ({ type: typeOf(candidates), candidates })),
    // Of renditions of one width one is named.
    image: fallbacks.find(({ derivative }) => derivative.width === largest.derivative.width) ?? largest,
    isOfScreens: new Set(alike.map(({ fallback }) => fallback.rendition)).size === 1,
    pending: [...pending, ...alike.flatMap(waitingOf)],
    leftOut: [
      ...leftOut,
      ...others.map(({ fallback }) => ({ rendition: leafNameOf(fallback), reason: 'other-aspect' })),
      ...[...modern]
        .filter(format => !complete.includes(format))
        .map(format => ({ format, reason: 'largest-missing' })),
    ],
  }
}

/** Of what came of each of these renditions, in their order. Throws what a resolve of the asset would throw. */
export const pictureFrom = (names: readonly string[], outcomes: readonly Outcome[]): Picture => {
  const refused = outcomes.flatMap((outcome, index) =>
    isRefused(outcome) ? [{ rendition: names[index] ?? '', refusal: outcome.refusal }] : [],
  )
  const answered = outcomes.flatMap(outcome => (isRefused(outcome) ? [] : [outcome]))
  const grave = refused.find(({ refusal }) => !OF_ONE.has(refusal.code))
  if (grave) throw grave.refusal
  const unpublished = answered.map(({ answer }) => answer).find(answer => answer.kind === 'unpublished')
  if (unpublished) return unpublished
  const waiting = answered.flatMap(({ answer }) => (answer.kind === 'pending' ? [answer] : []))
  const pending = waiting.map(answer => ({
    rendition: leafNameOf(answer),
    formats: answer.blocking.map(({ format }) => format),
  }))
  const leftOut = refused.map(({ rendition, refusal }) => ({ rendition, reason: refusal.code }))
  const [first, ...more] = answered.flatMap(partOf)
  if (first !== undefined) {
    const alt = answered[0]?.facts.asset?.alt
    return { kind: 'pictured', alt, ...composed([first, ...more], pending, leftOut) }
  }
  const [someday] = waiting
  if (someday === undefined) throw refused[0]?.refusal ?? nothingHere()
  const { asset, version, publication } = someday
  return { kind: 'pending', pending, leftOut, asset, version, publication }
}
