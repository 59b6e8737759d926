import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { productKeysPath } from '../../data-folder.ts'
import { call, jsonRequest, optionsOf, print } from '../client.ts'
import { seedDemo } from '../demo-set.ts'

export const seed = (program: Command): void => {
  program
    .command('seed')
    .description('Create the demo set (three products, two collections, overlapping renditions) and new keys for it')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const keys = await seedDemo(async (method, path, body = {}) =>
        (await call(options, path, jsonRequest(method, body, randomUUID()))).json(),
      )
      // Keys of a demo that is there already are in use and stay; a gateway elsewhere has no place in this folder.
      const file = productKeysPath(options.data)
      if (options.url === undefined)
        await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: 'wx' }).catch(() => undefined)
      print(options, keys, made =>
        Object.entries(made)
          .map(([product, key]) => `${product.padEnd(12)} ${key}`)
          .join('\n'),
      )
    })
}
