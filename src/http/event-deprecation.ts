/**
 * What is said of a page or a stream of events that was asked for, by name, in a major that is to go: the resource with this query is
 * what its reader has to leave (RFC 9745 section 2.1, RFC 8594 section 3). Where no types were asked for, nothing is said: every answer
 * would say it, to readers who may have no use for those events.
 */
import { deprecationFields, firstDeprecation } from '../deliver/deprecation.ts'
import type { EventName } from '../model/event-catalogue.ts'
import { deprecationOf, readName } from '../model/event-majors.ts'

export const deprecationHeaders = (names: readonly EventName[] = []): Readonly<Record<string, string>> => {
  const first = firstDeprecation(names.map(readName).flatMap(({ type, major }) => deprecationOf(type, major) ?? []))
  return first ? deprecationFields(first) : {}
}
