import { randomUUID } from 'node:crypto'
import { type Command, Option } from 'commander'
import { PRODUCT_SCOPES } from '../../model/principal.ts'
import { call, ifMatch, jsonRequest, optionsOf, print } from '../client.ts'
import { readAdminKey } from '../target.ts'

interface Key {
  readonly id: string
  readonly label: string
  readonly scopes: readonly string[]
  readonly created_at?: string
  readonly expires_at?: string
  readonly revoked_at?: string
  readonly last_used_at?: string
}

const stateOf = ({ revoked_at, expires_at }: Key): string => {
  if (revoked_at !== undefined) return 'revoked '
  if (expires_at === undefined) return ''
  return Date.parse(expires_at) <= Date.now() ? 'expired ' : `until ${expires_at} `
}

const describeKey = (key: Key): string =>
  `${key.id}  ${stateOf(key)}${key.label}  ${key.scopes.join(' ')}  ${key.last_used_at ? `last used ${key.last_used_at}` : 'never used'}`

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
    .description('Keys, without their secrets, and when each was last used')
    .argument('[product]', 'whose keys; without one, those that are no product’s')
    .action(async (product: string | undefined, _own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(
        options,
        product === undefined ? '/v1/keys' : `/v1/products/${encodeURIComponent(product)}/keys`,
      )
      print(options, ((await response.json()) as { items: Key[] }).items, items => items.map(describeKey).join('\n'))
    })

  group
    .command('create')
    .description('Make a key; its secret is shown this once')
    .argument('<product>', 'who will use it')
    .option('-l, --label <label>', 'what it is for', '')
    .addOption(
      new Option('-s, --scopes <scopes...>', 'what it may do; by default all that a product may').choices(
        PRODUCT_SCOPES,
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
    .command('origin')
    .description('Make a key with which a cache in front fetches bytes; its secret is shown this once')
    .option('-l, --label <label>', 'what it is for', '')
    .action(async ({ label }: { label: string }, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, '/v1/keys', jsonRequest('POST', { label, scopes: ['origin'] }, randomUUID()))
      print(options, (await response.json()) as { id: string; secret: string }, ({ id, secret }) => `${id}\n${secret}`)
    })

  group
    .command('rotate')
    .description('Make a new key for an old one, which goes on for the overlap; its secret is shown this once')
    .argument('<id>', 'as `keys list` shows it')
    .option('-o, --overlap <time>', 'how long the old one goes on: 0s, 90m, 24h, 30d', '24h')
    .action(async (id: string, { overlap }: { overlap: string }, command: Command) => {
      const options = optionsOf(command)
      const request = ifMatch(jsonRequest('POST', { overlap }, randomUUID()))
      const response = await call(options, `/v1/keys/${encodeURIComponent(id)}/rotate`, request)
      const rotated = (await response.json()) as { id: string; secret: string; replaces: { expires_at: string } }
      print(options, rotated, made => `${made.id}\n${made.secret}\n${id} ends ${made.replaces.expires_at}`)
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
