/** An explanation as an answer shows it. */
import { z } from '@hono/zod-openapi'

export const ExplanationSchema = z
  .object({
    outcome: z.string().openapi({
      description: '`ready: webp`, `pending`, `stale: webp` of an earlier version, or the code of the refusal',
    }),
    status: z.number().int().openapi({ description: 'Of the answer that a resolve would give' }),
    steps: z.array(
      z.object({
        step: z.string(),
        input: z.unknown(),
        result: z.unknown(),
        us: z.number().int().openapi({ description: 'Microseconds since the step before' }),
      }),
    ),
    text: z.string(),
  })
  .openapi('Explanation')
