import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { call, ifMatch, jsonRequest, optionsOf, print } from '../client.ts'

interface Made {
  readonly kid: string
  readonly secret: string
  readonly replaces?: { readonly kid: string; readonly expires_at: string }
}

interface Key {
  readonly kid: string
  readonly label: string
  readonly expires_at?: string
  readonly revoked_at?: string
}

const stateOf = ({ revoked_at, expires_at }: Key): string =>
  revoked_at ? `revoked ${revoked_at}` : expires_at ? `until ${expires_at}` : ''

export const signingKeys = (program: Command): void => {
  const group = program.command('signing-keys').description('Keys that products sign URLs with')

  group
    .command('list')
    .description('Signing keys of a product, without their secrets')
    .argument('<product>', 'whose keys')
    .action(async (product: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, `/v1/products/${encodeURIComponent(product)}/signing-keys`)
      print(options, ((await response.json()) as { items: Key[] }).items, items =>
        items.map(key => [key.kid, stateOf(key), key.label].filter(Boolean).join('  ')).join('\n'),
      )
    })

  group
    .command('create')
    .description('Make a signing key; its secret is shown this once')
    .argument('<product>', 'in whose name it signs')
    .option('-l, --label <label>', 'what it is for', '')
    .action(async (product: string, { label }: { label: string }, command: Command) => {
      const options = optionsOf(command)
      const path = `/v1/products/${encodeURIComponent(product)}/signing-keys`
      const response = await call(options, path, jsonRequest('POST', { label }, randomUUID()))
      print(options, (await response.json()) as Made, ({ kid, secret }) => `${kid}\n${secret}`)
    })

  group
    .command('rotate')
    .description('Make a signing key for an old one, which goes on for the overlap; its secret is shown this once')
    .argument('<kid>', 'as `signing-keys list` shows it')
    .option('-o, --overlap <time>', 'as long as the longest URL of the old one lives: 0s, 90m, 24h, 30d', '7d')
    .action(async (kid: string, { overlap }: { overlap: string }, command: Command) => {
      const options = optionsOf(command)
      const request = ifMatch(jsonRequest('POST', { overlap }, randomUUID()))
      const path = `/v1/signing-keys/${encodeURIComponent(kid)}/rotate`
      const response = await call(options, path, request)
      print(
        options,
        (await response.json()) as Made,
        made => `${made.kid}\n${made.secret}\n${kid} ends ${made.replaces?.expires_at}`,
      )
    })

  group
    .command('revoke')
    .description('Refuse what a key has signed from the next request on')
    .argument('<kid>', 'as `signing-keys list` shows it')
    .action(async (kid: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      await call(options, `/v1/signing-keys/${encodeURIComponent(kid)}`, {
        method: 'DELETE',
        headers: { 'If-Match': '*' },
      })
      print(options, { revoked: kid }, ({ revoked }) => `${revoked} is revoked`)
    })
}
