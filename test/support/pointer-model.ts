/** The pointer of an asset as a sequential thing: what a publish, a rollback and a read give where nobody else is about. */
import type { Model, Operation } from './linearizable.ts'

export type PointerInput =
  | { readonly act: 'publish' | 'rollback'; readonly version: number; readonly ifMatch: number | undefined }
  | { readonly act: 'read' }
  /** To the version that was current before. */
  | { readonly act: 'back' }

export type PointerOutput =
  | { readonly is: 'at'; readonly version: number; readonly publication: number }
  | { readonly is: 'refused' }

/** Versions in the order in which they were current: the publication is their number. */
export type PointerState = readonly number[]

export type PointerOperation = Operation<PointerInput, PointerOutput>

const REFUSED: PointerOutput = { is: 'refused' }

const at = (state: PointerState): PointerOutput => ({
  is: 'at',
  version: state.at(-1) ?? 0,
  publication: state.length,
})

const moved = (state: PointerState, version: number) => {
  const next = state.at(-1) === version ? state : [...state, version]
  return { state: next, output: at(next) }
}

export const pointerModel = (initial: PointerState): Model<PointerState, PointerInput, PointerOutput> => ({
  initial,
  step(state, input) {
    if (input.act === 'read') return { state, output: at(state) }
    if (input.act === 'back') {
      const before = state.findLast(version => version !== state.at(-1))
      return before === undefined ? { state, output: REFUSED } : moved(state, before)
    }
    if (input.ifMatch !== undefined && input.ifMatch !== state.length) return { state, output: REFUSED }
    return moved(state, input.version)
  },
  nameOf: value => JSON.stringify(value),
})
