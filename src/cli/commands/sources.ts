import { writeFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { ITEM_STATES } from '../../model/source-system.ts'
import { call, jsonRequest, optionsOf, print } from '../client.ts'
import { readDocument } from '../document.ts'
import { MOST_A_PAGE, pagesOf } from '../pages.ts'

interface Source {
  readonly name: string
  readonly adapter: string
  readonly product: string
  readonly collection: string
  readonly scheme: string
  readonly base_url?: string
  readonly trust: number
  readonly publish: string
}

interface Item {
  readonly event: string
  readonly item: number
  readonly external_id?: string
  readonly state: string
  readonly tries: number
  readonly code?: string
  readonly asset?: string
  readonly version?: number
  readonly received_at: string
}

const pathOf = (name: string): string => `/v1/sources/${encodeURIComponent(name)}`

const describeSource = ({ name, adapter, product, collection, scheme, base_url, trust, publish }: Source): string =>
  [
    name,
    adapter,
    `${product} in ${collection}`,
    `trust ${trust}`,
    publish,
    `proves itself by ${scheme}`,
    ...(base_url === undefined ? [] : [base_url]),
  ].join('  ')

const describeItem = ({ event, item, external_id, state, tries, code, asset, version, received_at }: Item): string =>
  [
    received_at,
    `${event}/${item}`,
    state,
    ...(external_id === undefined ? [] : [external_id]),
    ...(asset === undefined ? [] : [`${asset} v${version}`]),
    ...(code === undefined ? [] : [`${code} after ${tries} ${tries === 1 ? 'try' : 'tries'}`]),
  ].join('  ')

const addPut = (group: Command): void => {
  group
    .command('put')
    .description('Take originals from a system, as a JSON file says: adapter, product, collection, scheme, secret, …')
    .argument('<name>', 'what to call it here')
    .argument('<file>', 'the file, or - for standard input; see docs/ingest.md')
    .option('--validate-only', 'check it, and change nothing', false)
    .action(async (name: string, file: string, { validateOnly }: { validateOnly: boolean }, command: Command) => {
      const options = optionsOf(command)
      const query = validateOnly ? '?validate_only=true' : ''
      const response = await call(options, `${pathOf(name)}${query}`, jsonRequest('PUT', await readDocument(file)))
      print(options, (await response.json()) as Source, describeSource)
    })
}

const addItems = (group: Command): void => {
  group
    .command('items')
    .description('What its payloads led to, the newest first')
    .argument('<name>', 'as `sources list` shows it')
    .addOption(new Option('--state <state>', 'only these').choices(ITEM_STATES))
    .option('--all', 'every page, instead of the newest 500', false)
    .action(async (name: string, { state, all }: { state?: string; all: boolean }, command: Command) => {
      const options = optionsOf(command)
      const limit = all ? Number.POSITIVE_INFINITY : MOST_A_PAGE
      const listing = { query: { ...(state && { state }) }, limit }
      for await (const { items } of pagesOf<Item>(options, `${pathOf(name)}/items`, listing))
        for (const item of items) print(options, item, describeItem)
    })
}

const addPayload = (group: Command): void => {
  group
    .command('payload')
    .description('A payload, byte for byte as it came; it may hold URLs with secrets')
    .argument('<name>', 'the source')
    .argument('<event>', 'as `sources items` shows it, before the slash')
    .option('--file <path>', 'where to put it, instead of standard output; what is there is not written over')
    .action(async (name: string, event: string, { file }: { file?: string }, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, `${pathOf(name)}/events/${encodeURIComponent(event)}`)
      const bytes = Buffer.from(await response.arrayBuffer())
      if (file === undefined) process.stdout.write(bytes)
      else {
        await writeFile(file, bytes, { flag: 'wx', mode: 0o600 })
        print(options, { file, bytes: bytes.length }, ({ bytes }) => `${bytes} bytes in ${file}`)
      }
    })
}

export const sources = (program: Command): void => {
  const group = program.command('sources').description('Other systems that tell by webhook what is new with them')
  addPut(group)

  group
    .command('list')
    .description('The systems that originals are taken from')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const { items } = (await (await call(options, '/v1/sources')).json()) as { items: Source[] }
      print(options, items, all => all.map(describeSource).join('\n') || 'Nothing is taken from any system.')
    })

  group
    .command('show')
    .description('One of them; its secret is never shown')
    .argument('<name>', 'as `sources list` shows it')
    .action(async (name: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      print(options, (await (await call(options, pathOf(name))).json()) as Source, describeSource)
    })

  addItems(group)
  addPayload(group)

  group
    .command('redrive')
    .description('Try what was given up once more')
    .argument('<name>', 'the source')
    .action(async (name: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, `${pathOf(name)}/redrive`, { method: 'POST' })
      print(options, (await response.json()) as { redriven: number }, ({ redriven }) => `${redriven} are tried again`)
    })

  group
    .command('delete')
    .description('Take nothing more from it; what it has brought stays')
    .argument('<name>', 'as `sources list` shows it')
    .action(async (name: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      await call(options, pathOf(name), { method: 'DELETE', headers: { 'If-Match': '*' } })
      print(options, { deleted: name }, ({ deleted }) => `Nothing more is taken from ${deleted}`)
    })
}
