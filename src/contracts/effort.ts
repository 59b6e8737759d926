/** What a comparison may cost. Alternatives multiply with one another, level by level: a bound on bytes or depth is none on that. */
import type { JsonSchema } from './json-schema.ts'

/** Three times what the largest of ours takes; spent on the worst shapes that we know it is 20 to 100 ms. */
const MOST_STEPS = 5_000
/** So many entries of a schema are looked through in the time of a step. */
const ENTRIES_A_STEP = 32

const entriesOf = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 1
  let entries = 1
  for (const below of Object.values(value)) entries += entriesOf(below)
  return entries
}

export interface Effort {
  /** Before anything is done with these. `false`: no more is done. */
  spend(...schemas: readonly JsonSchema[]): boolean
  isSpent(): boolean
}

export const openEffort = (): Effort => {
  let left = MOST_STEPS
  return {
    spend(...schemas) {
      if (left > 0) for (const schema of schemas) left -= Math.ceil(entriesOf(schema) / ENTRIES_A_STEP)
      return left > 0
    },
    isSpent: () => left <= 0,
  }
}
