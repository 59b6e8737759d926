/** What is set for a time, as the asset and its own resource show it. */
import { z } from '@hono/zod-openapi'
import type { Schedule } from '../model/schedule.ts'

export const ScheduleSchema = z
  .object({
    publish: z
      .object({
        version: z.number().int(),
        at: z.string(),
        waiting_since: z
          .string()
          .optional()
          .openapi({ description: 'Its time came and the version was not complete: it is published as soon as it is' }),
      })
      .optional(),
    until: z.string().optional().openapi({ description: 'From then on the asset is archived' }),
  })
  .openapi('Schedule')

/** `undefined` where nothing is set. */
export const presentSchedule = ({ publish, until }: Schedule): z.infer<typeof ScheduleSchema> | undefined => {
  if (!publish && !until) return undefined
  return {
    ...(publish && {
      publish: {
        version: publish.version,
        at: publish.at.toISOString(),
        ...(publish.waitingSince && { waiting_since: publish.waitingSince.toISOString() }),
      },
    }),
    ...(until && { until: until.toISOString() }),
  }
}
