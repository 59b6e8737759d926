import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { productKeysPath } from '../../data-folder.ts'
import { call, optionsOf, print } from '../client.ts'
import { seedDemo } from '../demo-set.ts'

export const seed = (program: Command): void => {
  program
    .command('seed')
    .description('Create the demo set: three products, two collections, overlapping renditions')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const keys = await seedDemo(async (method, path, body) => {
        const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID() }
        return (await call(options, path, { method, headers, ...(body && { body: JSON.stringify(body) }) })).json()
      })
      const file = productKeysPath(options.data)
      // The keys of a running demo stay: theirs are in use.
      if (!existsSync(file))
        await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 }).catch(() => undefined) // printed below anyway
      print(options, keys, made =>
        Object.entries(made)
          .map(([product, key]) => `${product.padEnd(12)} ${key}`)
          .join('\n'),
      )
    })
}
