import { randomUUID } from 'node:crypto'
import { type Command, Option } from 'commander'
import { SCOPES } from '../../model/principal.ts'
import { call, jsonRequest, optionsOf, print } from '../client.ts'
import { readAdminKey } from '../target.ts'

interface Key {
  readonly id: string
  readonly label: string
  readonly scopes: readonly string[]
  readonly created_at?: string
  readonly revoked_at?: string
}

export const keys = (program: Command): void => {
  const group = program.command('keys').description('API keys of products, and the admin key')

  group
    .command('admin')
    .description('Print the admin key of the embedded default again')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      print(options, { key: await readAdminKey(options.data) }, ({ key }) => key)
    })

  group
    .command('list')
    .description('Keys of a product, without their secrets')
    .argument('<product>', 'whose keys')
    .action(async (product: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, `/v1/products/${encodeURIComponent(product)}/keys`)
      print(options, ((await response.json()) as { items: Key[] }).items, items =>
        items
          .map(
            ({ id, label, scopes, revoked_at }) =>
              `${id}  ${revoked_at ? 'revoked ' : ''}${label}  ${scopes.join(' ')}`,
          )
          .join('\n'),
      )
    })

  group
    .command('create')
    .description('Make a key; its secret is shown this once')
    .argument('<product>', 'who will use it')
    .option('-l, --label <label>', 'what it is for', '')
    .addOption(
      new Option('-s, --scopes <scopes...>', 'what it may do; by default all that a product may').choices(
        SCOPES.filter(scope => scope !== 'matrix:admin'),
      ),
    )
    .action(async (product: string, own: { label: string; scopes?: string[] }, command: Command) => {
      const options = optionsOf(command)
      const wish = { label: own.label, ...(own.scopes && { scopes: own.scopes }) }
      const path = `/v1/products/${encodeURIComponent(product)}/keys`
      const response = await call(options, path, jsonRequest('POST', wish, randomUUID()))
      print(options, (await response.json()) as { id: string; secret: string }, ({ id, secret }) => `${id}\n${secret}`)
    })

  group
    .command('revoke')
    .description('Refuse a key from the next request on')
    .argument('<id>', 'as `keys list` shows it')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      await call(options, `/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE', headers: { 'If-Match': '*' } })
      print(options, { revoked: id }, ({ revoked }) => `${revoked} is revoked`)
    })
}
