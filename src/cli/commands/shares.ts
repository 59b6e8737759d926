import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { call, jsonRequest, optionsOf, print } from '../client.ts'

interface Made {
  readonly id: string
  readonly expires_at: string
  readonly links: readonly { readonly rendition: string; readonly url: string }[]
}

interface Share {
  readonly id: string
  readonly product: string
  readonly renditions?: readonly string[]
  readonly original: boolean
  readonly expires_at: string
  readonly revoked_at?: string
}

interface Own {
  readonly product?: string
  readonly renditions?: string[]
  readonly original: boolean
  readonly expires?: string
}

const line = ({ id, product, renditions, original, expires_at, revoked_at }: Share): string =>
  [
    id,
    product,
    [...(renditions ?? ['every rendition']), ...(original ? ['original'] : [])].join(' '),
    revoked_at ? `revoked ${revoked_at}` : `until ${expires_at}`,
  ].join('  ')

export const shares = (program: Command): void => {
  const group = program.command('shares').description('Links that show one asset to whoever has them')

  group
    .command('create')
    .description('Make a share link; it is shown this once')
    .argument('<asset>', 'what it shows')
    .option('-p, --product <product>', 'in whose name; by default that of the key, of an administrator the owner')
    .option('-r, --renditions <names...>', 'what of it; by default every rendition of the product')
    .option('--original', 'the original, too', false)
    .option('--expires <time>', 'RFC 3339; by default in a week, in 90 days at most')
    .action(async (asset: string, { product, renditions, original, expires }: Own, command: Command) => {
      const options = optionsOf(command)
      const wish = {
        original,
        ...(product && { product }),
        ...(renditions && { renditions }),
        ...(expires && { expires_at: expires }),
      }
      const path = `/v1/assets/${encodeURIComponent(asset)}/shares`
      const response = await call(options, path, jsonRequest('POST', wish, randomUUID()))
      print(options, (await response.json()) as Made, ({ id, expires_at, links }) =>
        [`${id}  until ${expires_at}`, ...links.map(({ rendition, url }) => `${rendition}  ${url}`)].join('\n'),
      )
    })

  group
    .command('list')
    .description('Share links of an asset, without their tokens')
    .argument('<asset>', 'what they show')
    .action(async (asset: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, `/v1/assets/${encodeURIComponent(asset)}/shares?limit=500`)
      print(options, ((await response.json()) as { items: Share[] }).items, items => items.map(line).join('\n'))
    })

  group
    .command('revoke')
    .description('Take a share link back, from the next request on')
    .argument('<id>', 'as `shares list` shows it')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      await call(options, `/v1/shares/${encodeURIComponent(id)}`, { method: 'DELETE', headers: { 'If-Match': '*' } })
      print(options, { revoked: id }, ({ revoked }) => `${revoked} is revoked`)
    })
}
