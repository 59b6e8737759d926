import { DENSITY_HINTS } from './hints.ts'

/**
 * What an answer depended on beside its URL, and nothing else: each name in `Vary` multiplies what a cache in front has to keep.
 * `Accept` where a format or the kind of the answer was negotiated; `Authorization` where it decided whether there is an answer;
 * `Origin` where a list of origins is compared with it; hints where they are heeded, those of the screen where the path leaves it open.
 */
export interface Depends {
  readonly accept: boolean
  readonly authorization: boolean
  readonly origin: boolean
  readonly hints: boolean
  readonly density: boolean
}

const NAMES = ['Accept', 'Authorization', 'Origin', 'Save-Data', DENSITY_HINTS] as const

/** Every combination, written out once. */
const SPELLED: readonly string[] = Array.from({ length: 2 ** NAMES.length }, (_, bits) =>
  NAMES.filter((_name, bit) => bits & (1 << bit)).join(', '),
)

/** Empty: on the URL alone, and no `Vary` is sent. */
export const varyOf = ({ accept, authorization, origin, hints, density }: Depends): string =>
  SPELLED[
    (accept ? 1 : 0) | (authorization ? 2 : 0) | (origin ? 4 : 0) | (hints ? 8 : 0) | (density ? 16 : 0)
  ] as string
