import { type Command, InvalidArgumentError, Option } from 'commander'
import { table } from '../asset-table.ts'
import { call, optionsOf, print } from '../client.ts'
import { listOf } from '../pages.ts'

interface Shown {
  readonly id: string
  readonly collection: string
  readonly status: string
  readonly version?: number
  readonly alias?: string
  readonly labels: readonly string[]
  readonly attributes: object
  readonly updated_at?: string
}

interface Wish {
  readonly attribute: readonly string[]
  readonly label: readonly string[]
  readonly limit: number
  readonly [filter: string]: unknown
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]

const count = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a number from 1 on.')
  return Number(text)
}

/** `--alias-prefix` is `alias_prefix` of the query. */
const FILTERS: readonly (readonly [flag: string, description: string])[] = [
  ['-c, --collection <name>', 'of this collection; otherwise of all that may be read'],
  ['--state <states>', 'PENDING, ACTIVE, ARCHIVED or DRAFT; several separated by commas'],
  ['-t, --text <words>', 'beginnings of words in alias, title and file name'],
  ['--alias-prefix <prefix>', 'whose alias begins so'],
  ['--media-type <types>', 'of the current version: `image/png`, `image/*`'],
  ['--owner <product>', 'that this product owns'],
  ['--min-bytes <n>', 'at least so many bytes'],
  ['--max-bytes <n>', 'at most so many'],
  ['--min-width <n>', 'at least so many pixels wide'],
  ['--max-width <n>', 'at most so many'],
  ['--min-height <n>', 'at least so many pixels high'],
  ['--max-height <n>', 'at most so many'],
  ['--created-after <time>', 'made later than this'],
  ['--created-before <time>', 'made earlier than this'],
  ['--updated-after <time>', 'changed later than this'],
  ['--updated-before <time>', 'changed earlier than this'],
]

const nameOf = (flag: string): string => /--([a-z-]+)/.exec(flag)?.[1] ?? ''
const camelCase = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())

const queryOf = (wish: Wish): URLSearchParams => {
  const query = new URLSearchParams()
  for (const name of [...FILTERS.map(([flag]) => nameOf(flag)), 'sort']) {
    const value = wish[camelCase(name)]
    if (value !== undefined) query.set(name.replaceAll('-', '_'), String(value))
  }
  if (wish.label.length > 0) query.set('labels', wish.label.join(','))
  for (const one of wish.attribute) query.append('attribute', one)
  return query
}

const HEAD = ['asset', 'collection', 'status', 'version', 'alias', 'labels', 'changed']

const row = ({ id, collection, status, version, alias, labels, updated_at }: Shown): readonly string[] => [
  id,
  collection,
  status,
  version === undefined ? '-' : String(version),
  alias ?? '-',
  labels.join(' ') || '-',
  updated_at ?? '-',
]

export const assets = (program: Command): void => {
  const group = program.command('assets').description('Assets that you may see, and what is said of them')

  const list = group
    .command('list')
    .description('Find assets by what they are; all that is asked for has to be so')
    .option('-l, --label <label>', 'that has this label; may be repeated', collect, [])
    .option(
      '-a, --attribute <condition>',
      '`caption` (there is one), `seo.title=Shoe`, `price>=10`; may be repeated',
      collect,
      [],
    )
  for (const [flag, description] of FILTERS) list.option(flag, description)
  list
    .addOption(
      new Option('--sort <order>', 'a minus is for the newest first')
        .choices(['created', '-created', 'updated', '-updated'])
        .default('created'),
    )
    .option('--limit <n>', 'as many at most', count, 50)
    .action(async (wish: Wish, command: Command) => {
      const options = optionsOf(command)
      const { items } = await listOf<Shown>(options, '/v1/assets', { query: queryOf(wish), limit: wish.limit })
      print(options, items, found => table([HEAD, ...found.map(row)]))
    })

  group
    .command('show')
    .description('An asset, with what is said of it')
    .argument('<asset>', 'its id')
    .action(async (asset: string, _: object, command: Command) => {
      const options = optionsOf(command)
      const shown = (await (await call(options, `/v1/assets/${encodeURIComponent(asset)}`)).json()) as Shown
      print(options, shown, one => `${table([HEAD, row(one)])}\n${JSON.stringify(one.attributes, null, 2)}`)
    })
}
