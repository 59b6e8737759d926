/**
 * A contract: what is written under a subject, in one of its versions, and what later versions owe to those who have it.
 *
 *     event      `asset.published`            we write, others read; and we read again what was written long ago
 *     request    `post-v1-subscriptions.request`   others write, we read
 *     response   `post-v1-subscriptions.response`  we write, others read
 *
 * Whoever reads what we write leaves alone what it does not know; we refuse what we do not know.
 */
import { type JsonSchema, sealed } from './json-schema.ts'
import { type Break, readable } from './readable.ts'

export const CONTRACT_KINDS = ['event', 'request', 'response'] as const
export type ContractKind = (typeof CONTRACT_KINDS)[number]

export const MODES = [
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const
/** Backward: what was written before can still be read. Forward: who has the version before can read what is written now. */
export type Mode = (typeof MODES)[number]

/** Transitive, for there is no telling which version somebody has. */
export const MODE_OF: Readonly<Record<ContractKind, Mode>> = {
  event: 'FULL_TRANSITIVE',
  request: 'BACKWARD_TRANSITIVE',
  response: 'FORWARD_TRANSITIVE',
}

export const SUBJECT = /^[a-z0-9][a-z0-9._-]{0,127}$/
export const kindOf = (subject: string): ContractKind =>
  subject.endsWith('.request') ? 'request' : subject.endsWith('.response') ? 'response' : 'event'

/** As it is now, by the code. */
export interface Contract {
  readonly subject: string
  readonly major: number
  readonly schema: JsonSchema
}

/** As it was, and who has it may rely on. */
export interface KeptContract extends Contract {
  readonly version: string
}

export interface VersionBreak extends Break {
  /** With which it does not go together. */
  readonly version: string
}

/** Of those before it, the newest last. */
export const judgedBy = <T>(mode: Mode, before: readonly T[]): readonly T[] =>
  mode.endsWith('_TRANSITIVE') ? before : before.slice(-1)

/** How a mode judges one schema against those before it, the newest last. */
export const breaksOf = (
  mode: Mode,
  candidate: JsonSchema,
  before: readonly Pick<KeptContract, 'version' | 'schema'>[],
): readonly VersionBreak[] =>
  judgedBy(mode, before).flatMap(({ version, schema }) => {
    const found = [
      ...(mode.startsWith('FORWARD') ? [] : readable(sealed(schema), candidate)),
      ...(mode.startsWith('BACKWARD') ? [] : readable(sealed(candidate), schema)),
    ]
    return found.map(one => ({ ...one, version }))
  })

/** Statuses of success that somebody expects of an answer and that are not given any more; no schema of a body tells of them. */
export const goneAnswers = (subject: string, ours: JsonSchema, expected: JsonSchema): readonly Break[] => {
  if (kindOf(subject) !== 'response') return []
  const [given, wanted] = [ours, expected].map(one => (typeof one === 'boolean' ? {} : (one.properties ?? {})))
  return Object.keys(wanted ?? {})
    .filter(status => status.startsWith('2') && !Object.hasOwn(given ?? {}, status))
    .map(status => ({ pointer: `/${status}`, rule: 'removed', message: 'is not answered' }))
}

/** What a subject owes to its versions. */
export const breaksOfSubject = (
  { subject, schema }: Pick<Contract, 'subject' | 'schema'>,
  before: readonly Pick<KeptContract, 'version' | 'schema'>[],
): readonly VersionBreak[] => {
  const mode = MODE_OF[kindOf(subject)]
  return judgedBy(mode, before).flatMap(one => [
    ...goneAnswers(subject, schema, one.schema).map(found => ({ ...found, version: one.version })),
    ...breaksOf(mode, schema, [one]),
  ])
}

export const numbersOf = (version: string): readonly [number, number, number] => {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  return [major, minor, patch]
}

/** By numbers: as text, 1.10.0 comes before 1.9.0. */
export const byVersion = (left: Pick<KeptContract, 'version'>, right: Pick<KeptContract, 'version'>): number => {
  const [[major, minor, patch], [other, less, least]] = [numbersOf(left.version), numbersOf(right.version)]
  return major - other || minor - less || patch - least
}

/** Of one subject and major, the newest last. */
export const ofMajor = (kept: readonly KeptContract[], { subject, major }: Pick<Contract, 'subject' | 'major'>) =>
  kept.filter(one => one.subject === subject && one.major === major).sort(byVersion)
