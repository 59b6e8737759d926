/** Every operation in the fixed order in which a stage runs them. The list of types cannot drift from the list of files. */
import type { Sharp } from 'sharp'
import type { Step } from '../model/recipe.ts'
import { blur } from './blur.ts'
import { composite } from './composite.ts'
import { crop, FOCUS_EPOCH } from './crop.ts'
import { DECODE_EPOCH } from './decode.ts'
import { applyEncode, ENCODE_EPOCH } from './encode.ts'
import { flatten } from './flatten.ts'
import { flip } from './flip.ts'
import { gamma } from './gamma.ts'
import { grayscale } from './grayscale.ts'
import { icc } from './icc.ts'
import { median } from './median.ts'
import { metadata } from './metadata.ts'
import { modulate } from './modulate.ts'
import { normalise } from './normalise.ts'
import type { Operation } from './operation.ts'
import { orient } from './orient.ts'
import { pad } from './pad.ts'
import type { Pixels } from './pixels.ts'
import { resize } from './resize.ts'
import { rotate } from './rotate.ts'
import { round } from './round.ts'
import { sharpen } from './sharpen.ts'
import { threshold } from './threshold.ts'
import { tint } from './tint.ts'
import { trim } from './trim.ts'

/**
 * Geometry comes before effects, so that effects are measured in the pixels of the result.
 */
export const OPERATIONS = {
  orient,
  trim,
  crop,
  resize,
  pad,
  rotate,
  flip,
  median,
  blur,
  sharpen,
  normalise,
  gamma,
  modulate,
  tint,
  grayscale,
  threshold,
  round,
  composite,
  flatten,
  icc,
  metadata,
} satisfies Record<string, Operation>

/** Other spellings of names. Both beside each other are refused, as with parameters. */
export const OPERATION_ALIASES: Readonly<Record<string, OperationName>> = {
  greyscale: 'grayscale',
  normalize: 'normalise',
}

export type OperationName = keyof typeof OPERATIONS
export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly OperationName[]

export const findOperation = (name: string): Operation | undefined =>
  Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name as OperationName] : undefined

/** Position in the fixed order. */
export const positionOf = (name: string): number => OPERATION_NAMES.indexOf(name as OperationName)

/** Runs one resolved step; `decode` is where a pipeline comes from and is not among them. */
export const applyStep = (pipeline: Sharp, step: Step, pixels: Pixels, second?: Pixels): Sharp | Promise<Sharp> => {
  if (step.op === 'encode') return applyEncode(pipeline, step.params)
  const found = findOperation(step.op)
  if (!found) throw new TypeError(`Expected a known operation but received ${step.op}`)
  return found.apply(pipeline, step.params, pixels, second)
}

const epochsOf = (op: string): readonly number[] => {
  if (op === 'decode') return [DECODE_EPOCH]
  if (op === 'encode') return [ENCODE_EPOCH]
  return [findOperation(op)?.epoch ?? 0, ...(op === 'crop' ? [FOCUS_EPOCH] : [])]
}

/** False: planned by a later release, which makes other pixels of it than this code would. */
export const knowsStep = ({ op, epoch }: Step): boolean => epoch <= Math.max(...epochsOf(op))
