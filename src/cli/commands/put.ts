import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { type Command, Option } from 'commander'
import { PUBLISH_POLICIES } from '../../model/asset.ts'
import { call, type GlobalOptions, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { sha256Of, sizeOf } from '../file.ts'
import { progressOf } from '../progress.ts'

interface Uploaded {
  readonly asset: string
  readonly version: number
  readonly state: string
  readonly digest: string
  readonly deduplicated: boolean
}

interface Wish {
  readonly collection: string
  readonly asset?: string
  readonly alias?: string
  readonly label: readonly string[]
  readonly publish: string
}

const upload = async (options: GlobalOptions, file: string, wish: Wish): Promise<Uploaded> => {
  const { collection, asset, alias, label, publish } = wish
  const size = await sizeOf(file)
  const digest = await sha256Of(file)
  const query = new URLSearchParams({
    publish,
    filename: basename(file),
    ...(asset === undefined && { collection }),
    ...(alias !== undefined && { alias }),
    ...(label.length > 0 && { labels: label.join(',') }),
  })
  const path = `${asset === undefined ? '/v1/assets' : `/v1/assets/${encodeURIComponent(asset)}/versions`}?${query}`
  const body = createReadStream(file)
  progressOf(body, { label: basename(file), total: size, quiet: options.json })
  const response = await call(options, path, {
    method: 'POST',
    duplex: 'half',
    body: Readable.toWeb(body) as unknown as ReadableStream<Uint8Array>,
    headers: {
      'Content-Length': String(size),
      // The same file to the same place is the same wish, however often the command is repeated.
      'Idempotency-Key': createHash('sha256').update(digest).update(path).digest('hex'),
      'Repr-Digest': `sha-256=:${digest.toString('base64')}:`,
    },
  })
  return (await response.json()) as Uploaded
}

export const put = (program: Command): void => {
  program
    .command('put')
    .description('Upload files as new assets, or one file as the next version of an asset; one line of JSON a file')
    .argument('<files...>', 'what to upload')
    .option('-c, --collection <name>', 'collection of new assets', 'product-photo')
    .option('-a, --asset <id>', 'add a version to this asset')
    .option('--alias <name>', 'your own name for a new asset')
    .option(
      '-l, --label <label>',
      'label of new assets, from their first moment on; may be repeated',
      (label: string, before: readonly string[]) => [...before, label],
      [],
    )
    .addOption(
      new Option('--publish <policy>', 'when it becomes current').choices(PUBLISH_POLICIES).default('when-ready'),
    )
    .action(async (files: string[], wish: Wish, command: Command) => {
      const options = optionsOf(command)
      if (files.length > 1 && (wish.asset ?? wish.alias) !== undefined)
        throw new CliFailure(2, 'one-file', 'An asset and an alias take one file at a time.')
      for (const file of files) await sizeOf(file) // all of them are looked for before the first is sent
      for (const file of files) {
        print(
          options,
          await upload(options, file, wish),
          ({ asset, version, state, deduplicated }) =>
            `${asset}  v${version}  ${state}${deduplicated ? '  (these bytes were here already)' : ''}`,
        )
      }
    })
}
