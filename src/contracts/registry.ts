/** All contracts that have been promised, in memory: a few hundred small trees, which change with the program alone. */
import type { EventType } from '../model/event-catalogue.ts'
import { type KeptContract, kindOf } from './contract.ts'
import { readHistory } from './history.ts'

/** Where the contract of an event is, as a gateway tells it: `dataschema` of its envelope. */
export type SchemaAt = (type: EventType, major: number) => string

export const openContracts = async (folder?: string) => {
  const bySubject = new Map<string, KeptContract[]>()
  for (const one of await readHistory(folder)) bySubject.set(one.subject, [...(bySubject.get(one.subject) ?? []), one])

  const versionsOf = (subject: string): readonly KeptContract[] => bySubject.get(subject) ?? []
  const newestOf = (subject: string, major: number): KeptContract | undefined =>
    versionsOf(subject).findLast(one => one.major === major)

  return {
    subjects: (): readonly string[] => [...bySubject.keys()],
    /** Oldest first. */
    versionsOf,
    /** Of one major, by its name. Oldest first; none where there is no such name. */
    named: (name: string): readonly KeptContract[] => {
      const [, subject = name, asked] = /^(.+)\.v(\d+)$/.exec(name) ?? []
      const kept = versionsOf(subject)
      const first = kept[0]?.major
      const major = asked === undefined ? first : Number(asked)
      return asked !== undefined && major === first ? [] : kept.filter(one => one.major === major)
    },
    /** The first major goes by its subject, others have their number behind it: `asset.published.v2`. */
    namesOf: (subject: string): readonly string[] =>
      [...new Set(versionsOf(subject).map(({ major }) => major))].map((major, place) =>
        place === 0 ? subject : `${subject}.v${major}`,
      ),
    schemaAt:
      (publicBase: () => string): SchemaAt =>
      (type, major) =>
        `${publicBase()}/v1/contracts/${type}/${newestOf(type, major)?.version ?? `${major}.0.0`}`,
  }
}

export type Contracts = Awaited<ReturnType<typeof openContracts>>

/** Of each event the newest of each of its majors. */
export const newestEvents = ({ subjects, versionsOf }: Pick<Contracts, 'subjects' | 'versionsOf'>): KeptContract[] =>
  subjects()
    .filter(subject => kindOf(subject) === 'event')
    .flatMap(subject => [...new Map(versionsOf(subject).map(one => [one.major, one])).values()])
