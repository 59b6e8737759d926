/** What became of a line of an import, as an answer shows it. */
import { z } from '@hono/zod-openapi'
import type { ImportedLine, ImportLine } from '../model/import.ts'
import type { SagaStep, SagaStepState } from '../model/saga.ts'
import { ErrorCodeSchema, growing } from './openapi.ts'

export const RESULT_STATES = ['waiting', 'done', 'failed', 'skipped', 'undone', 'not-undone'] as const
type ResultState = (typeof RESULT_STATES)[number]

const STATES: Readonly<Record<SagaStepState, ResultState>> = {
  PENDING: 'waiting',
  DONE: 'done',
  FAILED: 'failed',
  SKIPPED: 'skipped',
  UNDONE: 'undone',
  STUCK: 'not-undone',
}

export const stepStatesOf = (state: ResultState): SagaStepState[] =>
  (Object.keys(STATES) as SagaStepState[]).filter(one => STATES[one] === state)

export const ImportResultSchema = z
  .object({
    line: z.number().int().openapi({ description: 'Of the manifest, from 1' }),
    ref: z.string().optional(),
    state: z.enum(RESULT_STATES),
    asset: z.uuid().optional(),
    version: z.number().int().optional(),
    digest: z.string().optional(),
    deduplicated: z.boolean().optional(),
    code: ErrorCodeSchema.optional().openapi({
      ...growing,
      description: 'Of the last try that failed; a line that waits is tried again',
    }),
    detail: z.string().optional(),
    errors: z.array(z.object({ pointer: z.string(), rule: z.string(), message: z.string() })).optional(),
    tries: z.number().int().openapi({ description: 'That failed' }),
  })
  .openapi('ImportResult')

export const presentResult = ({
  no,
  input,
  state,
  output,
  problem,
  tries,
}: SagaStep): z.infer<typeof ImportResultSchema> => {
  // Of a line that is done nothing else is kept.
  const { ref } = (output ?? input) as Pick<ImportLine, 'ref'>
  return {
    line: no,
    ...(ref !== undefined && { ref }),
    state: STATES[state],
    ...((output as ImportedLine | null) ?? {}),
    ...(problem && { ...problem, errors: problem.errors && [...problem.errors] }),
    tries,
  }
}
