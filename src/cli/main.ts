#!/usr/bin/env node
/** `matrix`: the gateway from a shell. Exit 0 done, 1 a finding or a refusal, 2 wrong usage, 3 the gateway or an engine is away. */
import { Command, CommanderError, Option } from 'commander'
import { doctor } from './commands/doctor.ts'
import { explain } from './commands/explain.ts'
import { keys } from './commands/keys.ts'
import { put } from './commands/put.ts'
import { resolve } from './commands/resolve.ts'
import { seed } from './commands/seed.ts'
import { CliFailure } from './failure.ts'

export const buildProgram = (): Command => {
  const program = new Command('matrix')
    .description('Upload originals, resolve derivatives and look at the matrix.')
    .addOption(new Option('--url <url>', 'the gateway').env('ASSET_MATRIX_URL').default('http://127.0.0.1:8080'))
    .addOption(
      new Option('--key <key>', 'API key; by default the admin key in the data folder').env('ASSET_MATRIX_KEY'),
    )
    .addOption(
      new Option('--data <folder>', 'data folder of the embedded default').env('ASSET_MATRIX_DATA').default('.data'),
    )
    .option('--json', 'print JSON', false)
    .exitOverride()
  for (const add of [seed, put, resolve, explain, keys, doctor]) add(program)
  return program
}

const run = async (): Promise<number> => {
  try {
    await buildProgram().parseAsync(process.argv)
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof CliFailure)) throw error
    console.error(error.message)
    return error.exitCode
  }
}

process.exitCode = await run()
