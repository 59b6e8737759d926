import { writeFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { versionNumber } from '../arguments.ts'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Shown {
  readonly state: string
  readonly reading: Readonly<Record<string, unknown>>
  readonly from: Readonly<Record<string, string>>
  readonly withheld: readonly string[]
  readonly colours?: readonly { readonly colour: string }[]
}

interface Wish {
  readonly of?: number
  readonly block?: string
  readonly out?: string
}

const told = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const text = ({ state, reading, from, withheld, colours = [] }: Shown): string =>
  [
    ...(state === 'read' ? [] : [state === 'pending' ? 'it is not read yet' : 'it says nothing']),
    ...Object.entries(reading).map(([field, value]) => `${field}  ${told(value)}  (${from[field]})`),
    ...(colours.length > 0 ? [`colours  ${colours.map(({ colour }) => colour).join(' ')}`] : []),
    ...withheld.map(field => `${field} is for those who may have the original`),
  ].join('\n')

export const metadata = (program: Command): void => {
  program
    .command('metadata')
    .description(
      'What the bytes of an asset say of themselves: EXIF, IPTC and XMP in one shape, or a block as it stands',
    )
    .argument('<asset>', 'id of the asset')
    .option('--of <version>', 'another version than the current one', versionNumber)
    .addOption(
      new Option('--block <name>', 'the raw block; for those who may have the original').choices([
        'exif',
        'iptc',
        'xmp',
      ]),
    )
    .option('-o, --out <file>', 'where the block goes; `-` for standard output', '-')
    .action(async (asset: string, { of, block, out = '-' }: Wish, command: Command) => {
      const options = optionsOf(command)
      const path = `/v1/assets/${encodeURIComponent(asset)}`
      const version = of ?? ((await (await call(options, path)).json()) as { version?: number }).version
      if (version === undefined) throw new CliFailure(1, 'not-ready', 'No version is published; name one with --of.')
      const response = await call(options, `${path}/versions/${version}/metadata${block ? `/${block}` : ''}`)
      if (block === undefined) return print(options, (await response.json()) as Shown, text)
      const bytes = Buffer.from(await response.arrayBuffer())
      if (out === '-') process.stdout.write(bytes)
      else await writeFile(out, bytes)
    })
}
