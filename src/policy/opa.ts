/**
 * Open Policy Agent, asked over HTTP as its data API has it (POST /v1/data/<path>). It fails closed: without a decision in time
 * nothing is allowed, which is `dependency-unavailable` and worth asking again. After a run of failures it is left alone for a
 * while, and callers are told so at once.
 */
import { boundedText } from '../lib/bounded-text.ts'
import type { Breaker } from '../lib/breaker.ts'
import { openGuard } from '../lib/guard.ts'
import { withoutControls } from '../lib/plain-text.ts'
import { MatrixError } from '../model/errors.ts'
import type { PolicyEngine } from './engine.ts'

export interface OpaOptions {
  /** Of the document that decides, `http://127.0.0.1:8181/v1/data/matrix/authz`. */
  readonly url: string
  /** For an agent that asks for one (`--authentication=token`). */
  readonly token: string | undefined
  readonly deadlineMs: number
  readonly breaker: Breaker
}

/** A decision has a few hundred bytes. */
const MAX_BYTES = 64 * 1024
const MAX_REASONS = 10

const unavailable = (why: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}): MatrixError =>
  new MatrixError('dependency-unavailable', `Open Policy Agent: ${why}`, {
    publicMessage: 'The policy engine gave no decision.',
    ...options,
  })

const plainReasons = (reasons: unknown): readonly string[] => {
  const texts = Array.isArray(reasons) ? reasons.filter(reason => typeof reason === 'string' && reason !== '') : []
  return texts.slice(0, MAX_REASONS).map(reason => withoutControls(reason).slice(0, 100))
}

/**
 * `{"result": true}`, or `{"result": {"allow": true, "reasons": []}}`. A document that is undefined allows nothing, as policies
 * without a default mean it; anything else is no decision.
 */
const objectionsIn = (answer: unknown): readonly string[] => {
  if (typeof answer !== 'object' || answer === null) throw unavailable('the answer is no decision')
  const { result } = answer as { result?: unknown }
  if (result === undefined) return ['undefined']
  const { allow, reasons } = typeof result === 'object' && result !== null ? (result as Verdict) : { allow: result }
  if (allow === true) return []
  if (allow !== false) throw unavailable('the answer is no decision')
  const told = plainReasons(reasons)
  return told.length > 0 ? told : ['denied']
}

interface Verdict {
  readonly allow?: unknown
  readonly reasons?: unknown
}

export const openOpa = ({ url, token, deadlineMs, breaker }: OpaOptions): PolicyEngine => {
  const refusal = (waitMs: number) =>
    unavailable('it has failed too often and is left alone', {
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
    })
  const guard = openGuard({ breaker, refusal })
  const headers = {
    'Content-Type': 'application/json',
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
  }

  const ask = async (body: string): Promise<readonly string[]> => {
    try {
      const signal = AbortSignal.timeout(deadlineMs)
      const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' })
      const text = await boundedText(response, MAX_BYTES)
      if (text === undefined) throw unavailable(`the answer has more than ${MAX_BYTES} bytes`)
      if (!response.ok) throw unavailable(`it answered ${response.status}`)
      return objectionsIn(JSON.parse(text))
    } catch (error) {
      if (error instanceof MatrixError) throw error
      throw unavailable('it did not answer as it should', { cause: error })
    }
  }

  return {
    name: 'opa',
    object: input => guard(() => ask(JSON.stringify({ input }))),
  }
}
