/** A failure that a person can act on, and the exit code that a script can. */
export class CliFailure extends Error {
  readonly exitCode: 1 | 2 | 3
  constructor(exitCode: 1 | 2 | 3, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}
