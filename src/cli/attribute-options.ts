/** Attributes as people write them on a line: `seo.title=Shoe`, JSON where it is JSON. */
import { InvalidArgumentError } from 'commander'

export type Patch = { [name: string]: unknown }

/** `seo.title` and a value as a merge patch. */
export const nested = (path: string, value: unknown): Patch =>
  path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Patch

const jsonOrText = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text // most of what people say of pictures is no JSON
  }
}

export const collectSet = (assignment: string, before: readonly object[]): readonly object[] => {
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(assignment) ?? []
  if (path === undefined || value === undefined) throw new InvalidArgumentError('Expected path=value.')
  return [...before, nested(path, jsonOrText(value))]
}

const isPatch = (value: unknown): value is Patch => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Two patches as one; of what both say, the later counts. */
const joined = (one: Patch, other: Patch): Patch => {
  const both: Patch = { ...one }
  for (const [name, value] of Object.entries(other)) {
    const known = both[name]
    both[name] = isPatch(known) && isPatch(value) ? joined(known, value) : value
  }
  return both
}

export const joinedPatch = (patches: readonly object[]): Patch =>
  patches.reduce<Patch>((all, one) => joined(all, one as Patch), {})
