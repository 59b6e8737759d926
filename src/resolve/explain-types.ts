/** What an explanation is asked with, and what it is. */
import type { UrlLife } from '../deliver/exposure.ts'
import type { Clock } from '../lib/clock.ts'
import type { Database } from '../manifest/database.ts'
import type { Principal } from '../model/principal.ts'
import type { Policy } from '../policy/policy.ts'
import type { Locate } from './cdn.ts'
import type { Question } from './resolve.ts'

/** As a resolve would be asked; without `secretHash` and `proven`, by nobody in particular. */
export interface ExplainQuestion
  extends Omit<Question, 'waitMs' | 'countSharers' | 'signal' | 'signed' | 'shareHash' | 'account'> {
  /** Who wants to know: the caller itself, or an administrator. */
  readonly asker: Principal
  /** What may stand in for what is not ready. */
  readonly fallback?: 'previous' | 'none' | undefined
  /** How the answer would leave. */
  readonly mode: 'json' | 'redirect' | 'stream'
}

export interface ExplainedStep {
  readonly step: string
  readonly input: unknown
  readonly result: unknown
  /** Microseconds since the step before. The first has the one read in it on which all rest. */
  readonly us: number
}

export interface Explanation {
  /** `ready: webp`, `ready` of an original, `pending`, or the code of the refusal. */
  readonly outcome: string
  /** Of the answer that a resolve would give. */
  readonly status: number
  readonly steps: readonly ExplainedStep[]
  readonly text: string
}

export interface ExplainDependencies {
  readonly database: Database
  readonly clock: Clock
  /** Of callers without a credential. */
  readonly tenant: string
  readonly policy: Policy
  readonly life: UrlLife
  readonly maxCpuMs: number
  readonly waitQueue: number
  readonly locate: Locate
}
