import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import type { Command } from 'commander'
import { call, type GlobalOptions, optionsOf, print } from '../client.ts'
import { sha256Of, sizeOf } from '../file.ts'
import { progressOf } from '../progress.ts'
import { attributesOf, requireFiles, type UploadWish, withUploadWish } from '../upload-wish.ts'

interface Uploaded {
  readonly asset: string
  readonly version: number
  readonly state: string
  readonly digest: string
  readonly deduplicated: boolean
}

const upload = async (options: GlobalOptions, file: string, wish: UploadWish): Promise<Uploaded> => {
  const { collection, asset, alias, label, publish } = wish
  const size = await sizeOf(file)
  const digest = await sha256Of(file)
  const query = new URLSearchParams({
    publish,
    filename: basename(file),
    ...(asset === undefined && { collection }),
    ...(alias !== undefined && { alias }),
    ...(label.length > 0 && { labels: label.join(',') }),
    ...attributesOf(wish),
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
  withUploadWish(program.command('put'))
    .description('Upload files as new assets, or one file as the next version of an asset; one line of JSON a file')
    .argument('<files...>', 'what to upload')
    .action(async (files: string[], wish: UploadWish, command: Command) => {
      const options = optionsOf(command)
      await requireFiles(files, wish)
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
