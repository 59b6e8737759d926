/** What a refusal is to a program: the problem document of the gateway (RFC 9457), thrown. */
import { retryAfterMs } from '../lib/retry-after.ts'
import type { Problem } from './api.ts'

/** The codes of the gateway (docs/errors.md), and two of our own: nobody answered, or not in time. */
export type ProblemCode = Problem['code'] | 'unreachable' | 'deadline-exceeded'

interface Told {
  readonly code: ProblemCode
  readonly status: number
  readonly detail: string
  readonly document?: Problem
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

export class MatrixProblem extends Error {
  override readonly name = 'MatrixProblem'
  readonly code: ProblemCode
  /** 0 where there was no answer. */
  readonly status: number
  /** The whole of it, where the gateway gave one: `errors`, `blocking` and what else belongs to the code. */
  readonly document: Problem | undefined
  /** When to ask again, where that was said. */
  readonly retryAfterMs: number | undefined

  constructor(route: string, { code, status, detail, document, retryAfterMs: wait, cause }: Told) {
    super(`${route}: ${code}: ${detail}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.document = document
    this.retryAfterMs = wait
  }
}

/** `error.code` is then one of these. */
export const isProblem = (error: unknown, ...codes: readonly ProblemCode[]): error is MatrixProblem =>
  error instanceof MatrixProblem && (codes.length === 0 || codes.includes(error.code))

const parse = (text: string): Partial<Problem> => {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? parsed : {}
  } catch {
    return {}
  }
}

/** What stands between may answer without a document: then the status has to do. */
const codeOf = (status: number): ProblemCode =>
  (
    ({
      401: 'unauthenticated',
      403: 'forbidden',
      404: 'not-found',
      413: 'payload-too-large',
      429: 'rate-limited',
    }) as const
  )[status as 401] ??
  (status === 504 ? 'dependency-timeout' : status >= 500 ? 'dependency-unavailable' : 'invalid-request')

const DETAIL_CHARACTERS = 300

export const problemOf = async (route: string, response: Response): Promise<MatrixProblem> => {
  const { status, headers } = response
  const text = await response.text().catch(() => '')
  const document = parse(text)
  const isOurs = typeof document.code === 'string'
  const wait = retryAfterMs(headers.get('retry-after'), Date.now())
  return new MatrixProblem(route, {
    code: document.code ?? codeOf(status),
    status,
    detail: document.detail ?? document.title ?? `${status} ${text.slice(0, DETAIL_CHARACTERS)}`,
    ...(isOurs && { document: document as Problem }),
    ...(wait !== undefined && { retryAfterMs: wait }),
  })
}
