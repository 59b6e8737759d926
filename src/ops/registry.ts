/** Every operation in the fixed order in which a stage runs them. The list of types cannot drift from the list of files. */
import type { Sharp } from 'sharp'
import type { Step } from '../model/recipe.ts'
import { crop } from './crop.ts'
import { applyEncode } from './encode.ts'
import { flatten } from './flatten.ts'
import { metadata } from './metadata.ts'
import type { Operation } from './operation.ts'
import { orient } from './orient.ts'
import { pad } from './pad.ts'
import { resize } from './resize.ts'

export const OPERATIONS = { orient, crop, resize, pad, flatten, metadata } satisfies Record<string, Operation>

export type OperationName = keyof typeof OPERATIONS
export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly OperationName[]

export const findOperation = (name: string): Operation | undefined =>
  Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name as OperationName] : undefined

/** Position in the fixed order. */
export const positionOf = (name: string): number => OPERATION_NAMES.indexOf(name as OperationName)

/** Runs one resolved step; `decode` is where a pipeline comes from and is not among them. */
export const applyStep = (pipeline: Sharp, step: Step): Sharp => {
  if (step.op === 'encode') return applyEncode(pipeline, step.params)
  const found = findOperation(step.op)
  if (!found) throw new TypeError(`Expected a known operation but received ${step.op}`)
  return found.apply(pipeline, step.params)
}
