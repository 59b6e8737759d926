import type { TaskFailure } from './decode-protocol.ts'

/** Ends a step and what depends on it. The engine gives its reasons as text only; this is what becomes of them. */
export class StepFailure extends Error {
  readonly code: TaskFailure
  constructor(code: TaskFailure, cause?: unknown) {
    super(code, { cause })
    this.code = code
  }
}
