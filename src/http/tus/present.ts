/** An upload as its JSON document shows it. */
import { z } from '@hono/zod-openapi'
import type { TusUpload } from '../../manifest/tus-uploads.ts'
import { Problem } from '../openapi.ts'
import { problemDocument } from '../problem.ts'
import { refusalAgain } from './finish.ts'

export const TusUploadSchema = z
  .object({
    id: z.uuid(),
    state: z.enum(['open', 'finishing', 'done', 'refused', 'expired']),
    offset: z.number().int(),
    length: z.number().int(),
    created_at: z.string(),
    expires_at: z.string(),
    result: z
      .looseObject({})
      .optional()
      .openapi({ description: 'Of a finished one, as an upload is answered: asset, version, state, …' }),
    problem: Problem.optional().openapi({ description: 'Of a refused one, why' }),
  })
  .openapi('ResumableUpload')

const stateOf = ({ state, isFinishing }: TusUpload) =>
  state === 'OPEN' && isFinishing ? 'finishing' : (state.toLowerCase() as 'open' | 'done' | 'refused' | 'expired')

export const presentUpload = (found: TusUpload, base: string) => ({
  id: found.upload,
  state: stateOf(found),
  offset: found.received,
  length: found.length,
  created_at: found.createdAt.toISOString(),
  expires_at: found.expiresAt.toISOString(),
  ...(found.state === 'DONE' && { result: JSON.parse(found.answer.body) as Record<string, unknown> }),
  ...(found.state === 'REFUSED' && {
    problem: problemDocument(refusalAgain(found.answer), { base, requestId: found.upload }),
  }),
})
