/** Pieces that every described route shares. */
import { z } from '@hono/zod-openapi'
import { ERROR_CATALOGUE, type ErrorCode } from '../model/errors.ts'

/** Of an enumeration in answers: there may be more values tomorrow, and whoever reads it takes those, too (docs/contracts.md). */
export const growing = { 'x-extensible': true } as const

export const ErrorCodeSchema = z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]).openapi(growing)

export const Problem = z
  .looseObject({
    type: z.string(),
    code: ErrorCodeSchema,
    status: z.number().int(),
    title: z.string(),
    detail: z.string().optional(),
    instance: z.string(),
    retryable: z.boolean(),
    retry_after: z.number().optional(),
    errors: z.array(z.object({ pointer: z.string(), rule: z.string(), message: z.string() })).optional(),
  })
  .openapi('Problem')

export const problems = { 'application/problem+json': { schema: Problem } } as const

/** The refusals of a route, by status, with their codes in the description. */
export const refusals = (...codes: readonly ErrorCode[]) => {
  const byStatus: Record<number, { description: string; content: typeof problems }> = {}
  for (const code of codes) {
    const { status } = ERROR_CATALOGUE[code]
    const known = byStatus[status]?.description
    byStatus[status] = { description: known ? `${known}, ${code}` : code, content: problems }
  }
  return byStatus
}

/** What any route with a JSON body may refuse; spread into `refusals`. */
export const JSON_ROUTE = [
  'unauthenticated',
  'forbidden',
  'not-found',
  'upload-incomplete',
  'payload-too-large',
  'unsupported-media',
  'contract-violation',
] as const satisfies readonly ErrorCode[]

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})
export const jsonBody = <T extends z.ZodType>(schema: T) => ({
  body: { required: true, content: { 'application/json': { schema } } },
})

export const security = [{ apiKey: [] }]
