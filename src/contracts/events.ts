/** The contracts of events: what is in `data` of an envelope, by type. */
import { z } from 'zod'
import { EVENT_TYPES, EVENTS, type EventType } from '../model/event-catalogue.ts'
import type { EventKind } from '../model/event-kind.ts'
import { dataOf, majorsOf } from '../model/event-majors.ts'
import type { Contract } from './contract.ts'
import { type JsonSchema, open, plain } from './json-schema.ts'

/** What the envelope adds to what is logged. */
const told = (type: EventType, major: number): z.ZodObject => {
  const { mutation }: EventKind = EVENTS[type]
  const data = dataOf(type, major)
  return mutation === undefined
    ? data
    : data.extend({ asset_event_no: z.int().positive(), mutation: z.literal(mutation) })
}

const printed = (schema: z.ZodObject): JsonSchema => {
  const { $defs = {}, ...root } = z.toJSONSchema(schema) as { $defs?: Record<string, JsonSchema> }
  return open(plain(root, reference => $defs[reference.replace('#/$defs/', '')]))
}

export const eventContracts = (): Contract[] =>
  EVENT_TYPES.flatMap(type =>
    majorsOf(type).map(major => ({ subject: type, major, schema: printed(told(type, major)) })),
  )
