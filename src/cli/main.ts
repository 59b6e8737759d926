#!/usr/bin/env node
/** `matrix`: the gateway from a shell. Exit 0 done, 1 a finding or a refusal, 2 wrong usage, 3 the gateway or an engine is away. */
import { CommanderError } from 'commander'
import { CliFailure } from './failure.ts'
import { buildProgram } from './program.ts'

const run = async (argv: readonly string[]): Promise<number> => {
  try {
    await buildProgram(process.env).parseAsync(argv)
    return 0
  } catch (error) {
    // Commander has said already what it has to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof CliFailure)) throw error
    const { exitCode, code, message } = error
    console.error(argv.includes('--json') ? JSON.stringify({ error: { code, message, exit_code: exitCode } }) : message)
    return exitCode
  }
}

process.exitCode = await run(process.argv)
