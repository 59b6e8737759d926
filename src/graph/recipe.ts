/**
 * What a product writes, read once and strictly: `{ crop?, resize?, …, formats }`, or the same in `stages`. The result is
 * canonical: two spellings of one wish are one value, one text and one hash.
 */
import type { z } from 'zod'
import { canonicalText, sha256Hex } from '../lib/canonical.ts'
import { refuse } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import { FORMATS, type Format, type JsonValue, type Output, type Params, type Recipe } from '../model/recipe.ts'
import { foldAliases } from '../ops/aliases.ts'
import { ENCODERS } from '../ops/encode-settings.ts'
import { OUTPUT_LIMITS, refuseOutput } from '../ops/limits.ts'
import {
  findOperation,
  OPERATION_ALIASES,
  OPERATION_NAMES,
  OPERATIONS,
  type OperationName,
  positionOf,
} from '../ops/registry.ts'
import { isObject, openReader, type Path, type Raw, type Reader, readWith } from './violations.ts'

/** Bounds the work that one recipe can ask for. */
const MAX_STAGES = 4

type Stage = Recipe['stages'][number]

const byPosition = (a: { op: string }, b: { op: string }): number => positionOf(a.op) - positionOf(b.op)

const readStage = (raw: unknown, path: Path, reader: Reader, at: { first: boolean; last: boolean }): Stage => {
  if (!isObject(raw)) {
    reader.fail(path, 'type', 'Expected an object of operations')
    return []
  }
  const steps: { op: string; params: Params }[] = []
  for (const [name, value] of Object.entries(foldAliases(raw, OPERATION_ALIASES) as Raw)) {
    const operation = findOperation(name)
    if (!operation) {
      reader.fail([...path, name], 'unknown-key', `Expected one of ${OPERATION_NAMES.join(', ')}`)
    } else if ((operation.place === 'source' && !at.first) || (operation.place === 'output' && !at.last)) {
      const where = operation.place === 'source' ? 'first' : 'last'
      reader.fail([...path, name], 'place', `\`${name}\` stands in the ${where} stage only`)
    } else {
      const params = readWith(operation.schema, foldAliases(value, operation.aliases), [...path, name], reader)
      if (params && !operation.idle?.(params)) steps.push({ op: name, params })
    }
  }
  return [...steps, ...implicit(steps, at)].sort(byPosition)
}

const implicit = (steps: Stage, at: { first: boolean; last: boolean }): Stage =>
  OPERATION_NAMES.flatMap(op => {
    const { place, whenAbsent } = OPERATIONS[op as OperationName]
    const belongs = (place === 'source' && at.first) || (place === 'output' && at.last)
    return whenAbsent && belongs && !steps.some(step => step.op === op) ? [{ op, params: whenAbsent }] : []
  })

/** Stages that run in the fixed order anyway are one stage, and an empty one is none. */
const merge = (stages: readonly Stage[]): readonly Stage[] => {
  const merged: Stage[] = []
  for (const stage of stages.filter(({ length }) => length > 0)) {
    const before = merged.at(-1)
    const [last, first] = [before?.at(-1)?.op, stage[0]?.op]
    const continues = last !== undefined && first !== undefined && positionOf(last) < positionOf(first)
    if (before && continues) merged[merged.length - 1] = [...before, ...stage]
    else merged.push(stage)
  }
  return merged
}

const readFormat = (raw: unknown, path: Path, reader: Reader): Output | undefined => {
  const {
    format: name,
    required,
    ...params
  }: Raw = typeof raw === 'string' ? { format: raw } : isObject(raw) ? raw : {}
  const format = name === 'jpg' ? 'jpeg' : FORMATS.find(known => known === name)
  if (!format) {
    reader.fail(path, 'format', `Expected one of ${FORMATS.join(', ')}, or an object with such a \`format\``)
    return undefined
  }
  if (required !== undefined && typeof required !== 'boolean') {
    reader.fail([...path, 'required'], 'type', 'Expected true or false')
  }
  const schema: z.ZodType = ENCODERS[format]
  const settings = readWith(schema, params, path, reader) as Params | undefined
  return (
    settings && { format, required: typeof required === 'boolean' ? required : format !== 'avif', params: settings }
  )
}

const readFormats = (raw: unknown, reader: Reader): readonly Output[] => {
  if (!Array.isArray(raw) || raw.length === 0) {
    reader.fail(['formats'], 'required', 'Expected a list of at least one format')
    return []
  }
  const seen = new Set<Format>()
  return raw.slice(0, FORMATS.length + 1).flatMap((entry, index) => {
    const output = readFormat(entry, ['formats', index], reader)
    if (output && seen.has(output.format)) reader.fail(['formats', index], 'duplicate', 'This format is listed already')
    if (output) seen.add(output.format)
    return output ? [output] : []
  })
}

/** A box that no AVIF may have is refused when it is written and not once for every source. */
const checkAvif = (stages: readonly Stage[], outputs: readonly Output[], reader: Reader): void => {
  const index = outputs.findIndex(({ format }) => format === 'avif')
  const box = stages.flat().findLast(({ op }) => op === 'resize')?.params
  if (index === -1 || !box) return
  const width = Number(box.width ?? 1)
  const height = Number(box.height ?? 1)
  if (!refuseOutput('avif', { width, height })) return
  const { side, pixels } = OUTPUT_LIMITS.avif
  reader.fail(['formats', index], 'avif-limit', `AVIF goes to ${side} pixels a side and ${pixels} in all`)
}

const readStages = ({ stages, ...rest }: Raw, reader: Reader): readonly Stage[] => {
  if (stages === undefined) return [readStage(rest, [], reader, { first: true, last: true })]
  for (const name of Object.keys(rest)) reader.fail([name], 'unknown-key', 'Operations stand inside `stages` here')
  if (!Array.isArray(stages) || stages.length === 0 || stages.length > MAX_STAGES) {
    reader.fail(['stages'], 'size', `Expected a list of 1 to ${MAX_STAGES} stages`)
    return []
  }
  return stages.map((stage, index) =>
    readStage(stage, ['stages', index], reader, { first: index === 0, last: index === stages.length - 1 }),
  )
}

/**
 * The canonical recipe that `input` (parsed JSON) asks for. Throws `invalid-recipe` with one violation, pointer included, for
 * everything that is wrong. Pure.
 *
 * @example parseRecipe({ resize: { w: 400 }, formats: ['webp', 'jpg'] })
 */
export const parseRecipe = (input: unknown): Recipe => {
  const reader = openReader()
  const { formats, ...rest }: Raw = isObject(input) ? input : {}
  if (!isObject(input)) reader.fail([], 'type', 'Expected an object')
  const outputs = readFormats(formats, reader)
  const stages = merge(readStages(rest, reader))
  checkAvif(stages, outputs, reader)
  const { violations } = reader
  if (violations.length > 0) throw refuse('invalid-recipe', 'The recipe is not valid.', { violations })
  return { stages, outputs }
}

export const recipeText = (recipe: Recipe): string => canonicalText(recipe)

/** Equal for equal recipes, under whatever name and product. */
export const recipeHash = (recipe: Recipe): Hex => sha256Hex(`recipe/1\n${recipeText(recipe)}`)

/** A recipe as a user would write it: `parseRecipe(spellRecipe(recipe))` is the recipe again. */
export const spellRecipe = ({ stages, outputs }: Recipe): Readonly<Record<string, JsonValue>> => {
  const spelled = stages.map(stage =>
    Object.fromEntries(stage.map(({ op, params }) => [op, findOperation(op)?.spell?.(params) ?? params])),
  )
  const formats = outputs.map(({ format, required, params }) => ({ format, required, ...params }))
  const [only, ...more] = spelled
  return only && more.length === 0 ? { ...only, formats } : { stages: spelled, formats }
}
