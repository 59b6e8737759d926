/** Which of what is there comes nearest to what was asked for. Pure. */
import { acceptableFormats } from '../deliver/negotiate.ts'
import type { Made } from '../manifest/fallbacks.ts'

export interface Wanted {
  readonly rendition: string
  readonly accept: string | undefined
  /** As planned; `undefined`: only its pixels would tell. */
  readonly size: { readonly width: number; readonly height: number } | undefined
}

/** How many times larger or smaller, whichever it is; without a size to compare with, the smallest is nearest. */
const distance = ({ width, height }: Made, { size }: Wanted): number =>
  size ? Math.abs(Math.log((width * height) / (size.width * size.height))) : width * height

/** Nearest first: another format of the rendition, then other renditions by size; of each one format, which the client takes. */
export const byNearness = (made: readonly Made[], wanted: Wanted): readonly Made[] => {
  const renditions = [...new Set(made.map(({ rendition }) => rendition))]
  const candidates = renditions.flatMap(rendition => {
    const own = made.filter(one => one.rendition === rendition)
    const [best] = acceptableFormats(
      own.map(({ format }) => format),
      wanted.accept,
    )
    return own.filter(({ format }) => format === best)
  })
  const isSame = ({ rendition }: Made): boolean => rendition === wanted.rendition
  const others = candidates.filter(one => !isSame(one))
  return [...candidates.filter(isSame), ...others.sort((a, b) => distance(a, wanted) - distance(b, wanted))]
}
