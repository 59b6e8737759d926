/** Rollouts and builds of the engine as an answer shows them. */
import { z } from '@hono/zod-openapi'
import { type RolloutReport, SSIM_CLASSES } from '../manifest/comparisons.ts'
import { type EngineBuild, ROLLOUT_STATES, type Rollout } from '../model/engine.ts'

export const BuildSchema = z
  .object({
    line: z.string(),
    fingerprint: z.string(),
    parts: z.record(z.string(), z.string()).openapi({ description: 'Versions of libraries, and the architecture' }),
    seen_at: z.string().openapi({ description: 'When a worker of it was last started' }),
    registered: z.boolean().openapi({ description: 'False: its workers refuse to work' }),
    registered_at: z.string().optional(),
    registered_by: z.string().optional(),
  })
  .openapi('EngineBuild')

export const presentBuild = (build: EngineBuild): z.infer<typeof BuildSchema> => ({
  line: build.line,
  fingerprint: build.fingerprint,
  parts: build.parts,
  seen_at: build.seenAt.toISOString(),
  registered: build.registeredAt !== null,
  ...(build.registeredAt && { registered_at: build.registeredAt.toISOString() }),
  ...(build.registeredBy !== null && { registered_by: build.registeredBy }),
})

const rollout = {
  id: z.uuid(),
  state: z.enum(ROLLOUT_STATES),
  engine: z.string(),
  collection: z.string().optional().openapi({ description: 'Absent: all' }),
  share: z.number().int().openapi({ description: 'Per cent of the assets' }),
  progress: z
    .object({ assets: z.number().int(), leaves: z.number().int(), moved: z.number().int() })
    .openapi({ description: 'Assets looked at, outputs that would be others, and those of them that are in place' }),
  created_by: z.string(),
  created_at: z.string(),
  moved_by: z.string().optional().openapi({ description: 'Who promoted it or rolled it back' }),
}
export const RolloutSchema = z.object(rollout).openapi('Rollout')

export const RolloutReportSchema = z
  .object({
    ...rollout,
    compared: z.number().int(),
    failed: z.number().int().openapi({ description: 'Could not be made or compared; they stay as they are' }),
    ssim: z
      .array(z.object({ from: z.number(), leaves: z.number().int() }))
      .openapi({ description: 'How many are how alike, by the lower end of a class; 1: the same in every pixel' }),
    worst: z
      .array(
        z.object({
          n: z.number().int(),
          asset: z.uuid(),
          version: z.number().int(),
          product: z.string(),
          rendition: z.string(),
          revision: z.number().int(),
          format: z.string(),
          ssim: z.number().optional().openapi({ description: '1: equal; 0 where the sizes differ' }),
          largest_difference: z
            .number()
            .int()
            .optional()
            .openapi({ description: 'Of one channel of one pixel, to 255' }),
          failure: z.string().optional(),
          picture: z.string().optional().openapi({ description: 'Old, new and their difference' }),
        }),
      )
      .openapi({ description: 'The least alike, failures first' }),
  })
  .openapi('RolloutReport')

export const presentRollout = (one: Rollout): z.infer<typeof RolloutSchema> => ({
  id: one.id,
  state: one.state,
  engine: one.engine,
  ...(one.collection !== null && { collection: one.collection }),
  share: one.share,
  progress: { assets: one.assets, leaves: one.leaves, moved: one.moved },
  created_by: one.createdBy,
  created_at: one.createdAt.toISOString(),
  ...(one.movedBy !== null && { moved_by: one.movedBy }),
})

export const presentReport = (one: Rollout, report: RolloutReport): z.infer<typeof RolloutReportSchema> => ({
  ...presentRollout(one),
  compared: report.compared,
  failed: report.failed,
  ssim: SSIM_CLASSES.map((from, at) => ({ from, leaves: report.histogram[at] ?? 0 })),
  worst: report.worst.map(({ ssim, largest, failure, ...leaf }) => ({
    ...leaf,
    ...(ssim !== null && { ssim, picture: `/v1/engine/rollouts/${one.id}/leaves/${leaf.n}/picture` }),
    ...(largest !== null && { largest_difference: largest }),
    ...(failure !== null && { failure }),
  })),
})
