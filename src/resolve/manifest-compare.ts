/**
 * What a product has of its own against what there is: two sequences in one order, walked side by side, so that neither is held.
 */
import { refuse } from '../model/errors.ts'
import type { ManifestLine } from './manifest.ts'

/** What a copy has to say of a line. */
export interface CopyLine {
  readonly asset: string
  readonly rendition: string
  readonly format: string
  readonly digest: string
}

interface Found<T> {
  readonly count: number
  /** The first of them, in their order. */
  readonly first: readonly T[]
}

type Name = Omit<CopyLine, 'digest'>

export interface Comparison {
  readonly same: number
  /** There, and not in the copy. */
  readonly missing: Found<Name & { readonly digest: string }>
  /** In the copy, and not there any more. */
  readonly extra: Found<Name>
  /** In both, with other bytes. */
  readonly stale: Found<Name & { readonly digest: string; readonly was: string }>
}

/** By code units, which for ids and names is the order in which the manifest comes; a newline is below them all. */
const placeOf = ({ asset, rendition, format }: Name): string => `${asset}\n${rendition}\n${format}`

const openFound = <T>(most: number) => {
  const first: T[] = []
  let count = 0
  return {
    add(item: T): void {
      count++
      if (first.length < most) first.push(item)
    },
    get: (): Found<T> => ({ count, first }),
  }
}

const nameOf = ({ asset, rendition, format }: Name): Name => ({ asset, rendition, format })

/** Refuses a copy that is in another order, or that has a line twice, with the number of the line. */
async function* inOrder(copy: AsyncIterable<CopyLine>): AsyncGenerator<CopyLine> {
  let last = ''
  let number = 0
  for await (const line of copy) {
    number++
    const place = placeOf(line)
    if (place <= last) {
      throw refuse('contract-violation', `Line ${number} is not behind the line before it.`, {
        violations: [
          {
            pointer: `/${number}`,
            rule: 'sorted',
            message: 'Expected lines sorted by asset, rendition, format; each once.',
          },
        ],
      })
    }
    last = place
    yield line
  }
}

async function* flat<T>(pages: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const page of pages) yield* page
}

export const compareManifest = async (
  pages: AsyncIterable<readonly ManifestLine[]>,
  copy: AsyncIterable<CopyLine>,
  most: number,
): Promise<Comparison> => {
  const missing = openFound<Name & { digest: string }>(most)
  const extra = openFound<Name>(most)
  const stale = openFound<Name & { digest: string; was: string }>(most)
  let same = 0
  const theirs = inOrder(copy)
  try {
    let next = await theirs.next()
    for await (const ours of flat(pages)) {
      const place = placeOf(ours)
      while (!next.done && placeOf(next.value) < place) {
        extra.add(nameOf(next.value))
        next = await theirs.next()
      }
      if (next.done || placeOf(next.value) !== place) {
        missing.add({ ...nameOf(ours), digest: ours.digest })
        continue
      }
      const { digest: was } = next.value
      if (was === ours.digest) same++
      else stale.add({ ...nameOf(ours), digest: ours.digest, was })
      next = await theirs.next()
    }
    for (; !next.done; next = await theirs.next()) extra.add(nameOf(next.value))
  } finally {
    await theirs.return(undefined)
  }
  return { same, missing: missing.get(), extra: extra.get(), stale: stale.get() }
}
