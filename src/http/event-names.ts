/** Types of events as requests name them, each in one of its majors. */
import { z } from '@hono/zod-openapi'
import type { EventName } from '../model/event-catalogue.ts'
import { EVENT_NAMES, haveOneMajor } from '../model/event-majors.ts'

export const EventNames = z
  .array(z.enum(EVENT_NAMES as [EventName, ...EventName[]]))
  .refine(haveOneMajor, 'Expected each type in one of its majors')
