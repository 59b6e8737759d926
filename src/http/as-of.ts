/**
 * Who may be answered on the word of a Postgres that is away, and how that leaves: marked, and kept for a moment only. What is
 * asked for is a version, whose bytes never change, by a signature that is checked here or by nobody in particular; a key, a
 * token and a share link may have been taken back, and are asked about.
 */
import type { Gateway } from '../gateway.ts'
import type { Credential } from '../policy/credentials.ts'
import type { Answer, Question } from '../resolve/resolve.ts'
import type { MatrixContext } from './context.ts'
import type { Link } from './link.ts'
import type { Presentation } from './presentation.ts'
import { answerResponse } from './routes/resolve.ts'

/** RFC 9211: from what this gateway had, which it could not ask about. */
const CACHE_STATUS = 'asset-matrix; hit; detail=stale'

export const isLasting = (
  { version, least }: Pick<Question, 'version' | 'least'>,
  link: Link | undefined,
  { secretHash, proven }: Credential,
): boolean =>
  version !== undefined &&
  least === undefined &&
  link?.place !== 'share' &&
  secretHash === undefined &&
  proven === undefined

const asOfOf = (answer: Answer): number | undefined => (answer.kind === 'ready' ? answer.asOf : undefined)

/** The answer as it leaves, whether or not it could be asked about. A front is streamed to: it could not fetch what it lacks. */
export const presentResponse = async (
  c: MatrixContext,
  gateway: Gateway,
  answer: Answer,
  presentation: Presentation,
): Promise<Response> => {
  if (asOfOf(answer) === undefined) return answerResponse(c, gateway, answer, presentation)
  gateway.metrics.asOfAnswers.inc()
  const mode = presentation.mode === 'accel' ? 'stream' : presentation.mode
  const response = await answerResponse(c, gateway, answer, { ...presentation, mode, pinned: false })
  response.headers.set('Cache-Status', CACHE_STATUS)
  // Is for caches that are told when to forget, which nobody can do now.
  response.headers.delete('CDN-Cache-Control')
  return response
}
