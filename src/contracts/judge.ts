/** Whom a change of a contract would break: those who may have any version of it, unless they have said what they read; and those who have, by what they said. */
import { setImmediate } from 'node:timers/promises'
import { breaksOfSubject, goneAnswers, judgedBy, type KeptContract, kindOf, MODE_OF } from './contract.ts'
import { type JsonSchema, sealed } from './json-schema.ts'
import { type Break, readable } from './readable.ts'

export interface Consumer {
  /** A product; or a subscription of the whole tenant. */
  readonly name: string
  /** What it reads of it, or sends. `undefined`: whatever there is. */
  readonly reads?: JsonSchema
}

/** What is ours goes together with what somebody else has said: of events and answers what is read, of requests what is sent. */
export const consumerBreaks = (subject: string, ours: JsonSchema, theirs: JsonSchema): readonly Break[] =>
  kindOf(subject) === 'request'
    ? readable(sealed(theirs), ours)
    : [...goneAnswers(subject, ours, theirs), ...readable(sealed(ours), theirs)]

export interface ConsumerBreak extends Break {
  /** Versions that it does not go together with. Empty: only what a consumer has said is broken. */
  readonly versions: readonly string[]
  readonly consumers: readonly string[]
}

/** One comparison at a time, and others have their turn in between: there may be as many as there are products. */
export const judge = async (
  { subject, schema }: { subject: string; schema: JsonSchema },
  versions: readonly KeptContract[],
  consumers: readonly Consumer[],
): Promise<readonly ConsumerBreak[]> => {
  const unsaid = consumers.filter(({ reads }) => reads === undefined).map(({ name }) => name)
  const found = new Map<string, ConsumerBreak>()
  const add = ({ pointer, rule, message }: Break, more: Pick<ConsumerBreak, 'versions' | 'consumers'>): void => {
    const key = `${rule} ${pointer}`
    const known = found.get(key) ?? { pointer, rule, message, versions: [], consumers: [] }
    found.set(key, {
      ...known,
      versions: [...new Set([...known.versions, ...more.versions])],
      consumers: [...new Set([...known.consumers, ...more.consumers])],
    })
  }
  for (const version of judgedBy(MODE_OF[kindOf(subject)], versions)) {
    for (const one of breaksOfSubject({ subject, schema }, [version]))
      add(one, { versions: [one.version], consumers: unsaid })
    await setImmediate()
  }
  for (const { name, reads } of consumers) {
    if (reads === undefined) continue
    for (const one of consumerBreaks(subject, schema, reads)) add(one, { versions: [], consumers: [name] })
    await setImmediate()
  }
  return [...found.values()]
}
