import { type Command, InvalidArgumentError } from 'commander'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Point {
  readonly x: number
  readonly y: number
}

interface Shown {
  readonly focal_point?: Point
  readonly focal_points: Readonly<Record<string, Point>>
  readonly moving: { readonly outputs: number; readonly open: number; readonly dead: number }
}

interface Wish {
  readonly product?: string
  readonly clear?: true
}

const pointOf = (text: string): Point => {
  const [, x, y] = /^(0(?:\.\d+)?|1(?:\.0+)?),(0(?:\.\d+)?|1(?:\.0+)?)$/.exec(text) ?? []
  if (x === undefined || y === undefined) throw new InvalidArgumentError('Expected shares from the top left: 0.5,0.3')
  return { x: Number(x), y: Number(y) }
}

const text = ({ focal_point: all, focal_points: products, moving }: Shown): string =>
  [
    all ? `${all.x},${all.y}` : 'nothing is said: crops look for what strikes the eye',
    ...Object.entries(products).map(([product, { x, y }]) => `${product}  ${x},${y}`),
    ...(moving.outputs > 0
      ? [`${moving.outputs} outputs are shown as they were: ${moving.open} to be made, ${moving.dead} impossible`]
      : []),
  ].join('\n')

export const focus = (program: Command): void => {
  program
    .command('focus')
    .description(
      'What crops keep in sight: shown, or set for all products or one; fails where somebody else changed the asset meanwhile',
    )
    .argument('<asset>', 'id of the asset')
    .argument('[point]', 'shares of width and height from the top left of the upright picture: 0.5,0.3', pointOf)
    .option('--product <name>', 'for this product alone')
    .option('--clear', 'take it away')
    .action(async (asset: string, point: Point | undefined, { product, clear }: Wish, command: Command) => {
      if (point && clear) throw new CliFailure(2, 'point-and-clear', 'Give a point, or --clear, not both.')
      if (product !== undefined && !point && !clear)
        throw new CliFailure(2, 'nothing-to-change', 'Say what to change for the product: a point, or --clear.')
      const options = optionsOf(command)
      const path = `/v1/assets/${encodeURIComponent(asset)}`
      const show = () => call(options, `${path}/focal-points`)
      if (point || clear) {
        const seen = await show()
        const wish = point ?? null
        await call(options, path, {
          method: 'PATCH',
          body: JSON.stringify(product === undefined ? { focal_point: wish } : { focal_points: { [product]: wish } }),
          headers: { 'Content-Type': 'application/merge-patch+json', 'If-Match': seen.headers.get('etag') ?? '*' },
        })
      }
      print(options, (await (await show()).json()) as Shown, text)
    })
}
