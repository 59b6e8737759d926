/** Everything that is wrong with an input, collected: a client mends a recipe in one round. */
import type { z } from 'zod'
import { pointerOf } from '../lib/json-pointer.ts'
import type { Violation } from '../model/errors.ts'

export type Path = readonly (string | number)[]
export type Raw = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export interface Reader {
  readonly violations: Violation[]
  readonly fail: (path: Path, rule: string, message: string) => void
}

export const openReader = (): Reader => {
  const violations: Violation[] = []
  return {
    violations,
    fail: (path, rule, message) => void violations.push({ pointer: pointerOf(path), rule, message }),
  }
}

/** `undefined` when the schema found something to complain about. */
export const readWith = <T>(schema: z.ZodType<T>, raw: unknown, path: Path, reader: Reader): T | undefined => {
  const result = schema.safeParse(raw)
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const at = [...path, ...issue.path.map(part => (typeof part === 'number' ? part : String(part)))]
    if (issue.code !== 'unrecognized_keys') reader.fail(at, issue.code, issue.message)
    else for (const key of issue.keys) reader.fail([...at, key], 'unknown-key', 'Unknown parameter')
  }
  return undefined
}
