import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { wholeNumber } from '../arguments.ts'
import { optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { MatrixSet } from '../matrix-set.ts'
import { startMock } from '../mock.ts'

const readSet = async (file: string): Promise<MatrixSet> => {
  try {
    return MatrixSet.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    throw new CliFailure(
      2,
      'invalid-set',
      `Expected ${file} to be a matrix as docs/sdk.md has it: ${(error as Error).message}`,
    )
  }
}

export const mock = (program: Command): void => {
  program
    .command('mock')
    .description(
      'Start a gateway for tests, in a folder that goes with it: the real one, with products, collections and keys from a file',
    )
    .option('-p, --port <number>', 'where it listens; 0 for any port that is free', wholeNumber(0, 65_535), 8080)
    .option('--set <file>', 'JSON, as `matrix generate --mock` prints it; the demo set unless said')
    .action(async ({ port, set }: { port: number; set?: string }, command: Command) => {
      const options = optionsOf(command)
      const wanted = set === undefined ? undefined : await readSet(set)
      const leave = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leave.abort())
      const began = performance.now()
      const running = await startMock({
        port,
        ...(wanted && { set: wanted }),
        log: line => process.stderr.write(`${line}\n`),
      }).catch(error => {
        throw new CliFailure(1, 'mock-failed', error.message)
      })
      const { url, adminKey, keys } = running
      const seconds = Math.round((performance.now() - began) / 100) / 10
      print(options, { url, admin_key: adminKey, keys, seconds }, () =>
        [
          `Mock on ${url}, after ${seconds} s; Ctrl-C ends it and takes it away`,
          ...Object.entries({ admin: adminKey, ...keys }).map(([name, key]) => `${name.padEnd(16)} ${key}`),
        ].join('\n'),
      )
      const left = new Promise<undefined>(resolve => {
        if (leave.signal.aborted) resolve(undefined)
        leave.signal.addEventListener('abort', () => resolve(undefined))
      })
      const how = await Promise.race([left, running.exited])
      await running.close()
      if (how !== undefined) throw new CliFailure(3, 'mock-ended', `The mock has ended: ${how}`)
    })
}
