import { readFile, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { call, type GlobalOptions, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { type CollectionMatrix, printNames, setOf } from '../generated-names.ts'
import { listOf } from '../pages.ts'

interface Own {
  readonly output?: string
  readonly check: boolean
  readonly mock: boolean
}

const printed = async (options: GlobalOptions, own: Own): Promise<string> => {
  const products = (await listOf<{ product: string }>(options, '/v1/products')).items.map(({ product }) => product)
  const matrix: CollectionMatrix[] = []
  for (const { collection } of (await listOf<{ collection: string }>(options, '/v1/collections')).items) {
    const response = await call(options, `/v1/collections/${encodeURIComponent(collection)}/matrix`)
    matrix.push((await response.json()) as CollectionMatrix)
  }
  if (!own.mock) return printNames(products, matrix)
  const { set, leftOut } = setOf(products, matrix)
  for (const { rendition, op } of leftOut)
    process.stderr.write(`Left out: ${rendition}, whose ${op} a mock cannot be given.\n`)
  return `${JSON.stringify(set, null, 2)}\n`
}

export const generate = (program: Command): void => {
  program
    .command('generate')
    .description(
      'Print the names of this deployment as TypeScript, so that a wrong one does not compile; with the key of an administrator',
    )
    .option('-o, --output <file>', 'write it there')
    .option('--check', 'write nothing: exit 1 where the file says something else', false)
    .option(
      '--mock',
      'as JSON for `matrix mock --set`, with the recipes; those that lay on another asset are left out and named',
      false,
    )
    .action(async (own: Own, command: Command) => {
      const options = optionsOf(command)
      const { output, check } = own
      if (check && output === undefined)
        throw new CliFailure(2, 'no-file', '--check needs --output, the file to look at.')
      const text = await printed(options, own)
      if (output === undefined) {
        process.stdout.write(text)
        return
      }
      const before = await readFile(output, 'utf8').catch(() => undefined)
      const isSame = before === text
      if (check && !isSame)
        throw new CliFailure(
          1,
          'stale',
          `${output} is not what this deployment has: run \`matrix generate --output ${output}\`.`,
        )
      if (!isSame) await writeFile(output, text)
      print(options, { file: output, changed: !isSame }, () => `${output} ${isSame ? 'is as it was' : 'written'}`)
    })
}
