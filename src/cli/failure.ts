/** 1 a finding or a refusal, 2 wrong usage, 3 the gateway or an engine is away. */
export type ExitCode = 1 | 2 | 3

/** A failure that a person can act on, and the exit code that a script can. */
export class CliFailure extends Error {
  readonly exitCode: ExitCode
  /** Stable: the code of the problem where the gateway named one. */
  readonly code: string
  constructor(exitCode: ExitCode, code: string, message: string) {
    super(message)
    this.exitCode = exitCode
    this.code = code
  }
}
