import { type Command, InvalidArgumentError } from 'commander'
import { call, ifMatch, jsonRequest, optionsOf, print } from '../client.ts'
import { listOf } from '../pages.ts'

interface Shown {
  readonly product: string
  readonly display_name: string
  readonly share: number
  readonly limits?: object
  readonly origins?: readonly string[]
  readonly client_hints?: boolean
}

interface Wish {
  readonly name?: string
  readonly share?: number
  readonly origin?: readonly string[]
  readonly clientHints?: boolean
  readonly origins?: boolean
}

const pathOf = (product: string): string => `/v1/products/${encodeURIComponent(product)}`

const describe = ({ product, display_name, share, origins = [], client_hints }: Shown): string =>
  [
    `${product}  ${display_name}  share ${share}`,
    ...(origins.length > 0 ? [`origins  ${origins.join(' ')}`] : []),
    ...(client_hints ? ['client hints'] : []),
  ].join('\n')

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

const wholeNumber = (text: string): number => {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(text)
}

const originsOf = ({ origin, origins }: Wish): { origins?: readonly string[] } => {
  if (origin !== undefined) return { origins: origin }
  return origins === false ? { origins: [] } : {}
}

export const products = (program: Command): void => {
  const group = program.command('products').description('Products, and what they let browsers do')
  group
    .command('list')
    .description('All of them, by name')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const shown = await listOf<Shown>(options, '/v1/products')
      print(options, shown, ({ items }) => items.map(describe).join('\n'))
    })
  group
    .command('set')
    .description(
      'Change what is named of a product, and leave the rest; fails where somebody else changed it meanwhile',
    )
    .argument('<product>', 'which one')
    .option('--name <name>', 'what people call it')
    .option('--share <share>', 'of the workers, 1 to 100', wholeNumber)
    .option(
      '--origin <origin>',
      'whose pages may read its answers: https://shop.example, or *; may be repeated',
      collect,
    )
    .option('--no-origins', "nobody's pages may")
    .option('--client-hints', 'delivery paths with `auto` heed `Save-Data` and `Sec-CH-DPR`')
    .option('--no-client-hints', 'they do not')
    .action(async (product: string, wish: Wish, command: Command) => {
      const options = optionsOf(command)
      const seen = await call(options, pathOf(product))
      const { product: _, ...before } = (await seen.json()) as Shown
      const { name, share, clientHints } = wish
      const request = jsonRequest('PUT', {
        ...before,
        ...(name !== undefined && { display_name: name }),
        ...(share !== undefined && { share }),
        ...originsOf(wish),
        ...(clientHints !== undefined && { client_hints: clientHints }),
      })
      const response = await call(options, pathOf(product), ifMatch(request, seen.headers.get('etag') ?? '*'))
      print(options, (await response.json()) as Shown, describe)
    })
}
