/** Majors of what events say: by which names they are asked for, and how what is said in one is said in another. */
import type { z } from 'zod'
import type { Deprecation } from './deprecation.ts'
import { EVENT_TYPES, EVENTS, type EventName, type EventType } from './event-catalogue.ts'
import type { EventKind, LaterMajor } from './event-kind.ts'

/** A newer release may tell what is not in here. */
const kindOf = (type: EventType): EventKind | undefined => EVENTS[type]
const laterOf = (type: EventType): readonly LaterMajor[] => kindOf(type)?.later ?? []

export const newestMajor = (type: EventType): number => laterOf(type).length + 1
export const majorsOf = (type: EventType): readonly number[] => [1, ...laterOf(type).map((_, place) => place + 2)]

export const nameOf = (type: EventType, major: number): EventName => (major === 1 ? type : `${type}.v${major}`)
export const EVENT_NAMES = EVENT_TYPES.flatMap(type => majorsOf(type).map(major => nameOf(type, major)))

const LATER = /^(.+)\.v(\d+)$/
/** Of a name that there is. */
export const readName = (name: EventName): { readonly type: EventType; readonly major: number } => {
  const [, type = name, major = '1'] = LATER.exec(name) ?? []
  return { type: type as EventType, major: Number(major) }
}

/** Which types somebody wants, and each in which major. */
export type WantedTypes = ReadonlyMap<EventType, number>
export const wantedTypes = (names: readonly EventName[]): WantedTypes =>
  new Map(names.map(readName).map(({ type, major }) => [type, major]))
/** Nobody is told the same event twice, by one id. */
export const haveOneMajor = (names: readonly EventName[]): boolean => wantedTypes(names).size === new Set(names).size

/** Of a major that there is. */
const majorOf = (type: EventType, major: number): LaterMajor => laterOf(type)[major - 2] as LaterMajor
export const dataOf = (type: EventType, major: number): z.ZodObject =>
  major === 1 ? EVENTS[type].data : majorOf(type, major).data
export const deprecationOf = (type: EventType, major: number): Deprecation | undefined =>
  major === 1 ? kindOf(type)?.deprecated : laterOf(type)[major - 2]?.deprecated

/** Of all its majors. */
export const deprecationsOf = (type: EventType) =>
  majorsOf(type).flatMap(major => {
    const found = deprecationOf(type, major)
    return found === undefined ? [] : [{ major, ...found }]
  })

/** Says in one major what is said in another, by way of those between them. */
export const castData = (type: EventType, data: object, { from, to }: { from: number; to: number }): object => {
  if (from === to) return data
  if (from < to) return castData(type, majorOf(type, from + 1).up(data as never), { from: from + 1, to })
  return castData(type, majorOf(type, from).down(data as never), { from: from - 1, to })
}
