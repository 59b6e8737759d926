import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { describeOperation, type Operation } from '../operation-text.ts'
import { printResults, watchOperation } from './operations.ts'

const PATH = '/v1/assets/import'

/** `import` is a word of the language. */
export const importCommand = (program: Command): void => {
  program
    .command('import')
    .description(
      'Make assets and versions by a manifest, a JSON line each, and follow it; exit code 1 unless every line succeeds',
    )
    .argument('<file>', 'the manifest, NDJSON; see docs/ingest.md')
    .option('--no-wait', 'only ask for it')
    .action(async (file: string, { wait }: { wait: boolean }, command: Command) => {
      const options = optionsOf(command)
      const body = await readFile(file).catch(() => {
        throw new CliFailure(2, 'no-file', `There is no file ${file}.`)
      })
      const response = await call(options, PATH, {
        method: 'POST',
        body: new Uint8Array(body),
        headers: {
          'Content-Type': 'application/x-ndjson',
          // The same manifest is the same wish: a command that is repeated goes on watching.
          'Idempotency-Key': createHash('sha256').update(body).update(PATH).digest('hex'),
        },
      })
      const begun = (await response.json()) as Operation
      if (!wait) return print(options, begun, describeOperation)
      if (!options.json) process.stderr.write(`${begun.id}  (matrix operations watch ${begun.id})\n`)
      try {
        await watchOperation(options, begun.id)
      } catch (error) {
        if (!options.json) await printResults(options, begun.id, 'failed')
        throw error
      }
    })
}
