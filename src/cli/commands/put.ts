import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import type { Command } from 'commander'
import { call, type GlobalOptions, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { sha256Of, sizeOf } from '../file.ts'
import { progressOf } from '../progress.ts'
import { requireFiles, saidInText, saidOf, type UploadWish, withUploadWish } from '../upload-wish.ts'

interface Uploaded {
  readonly asset: string
  readonly version: number
  readonly state: string
  readonly digest: string
  readonly deduplicated: boolean
}

const upload = async (options: GlobalOptions, file: string, wish: UploadWish): Promise<Uploaded> => {
  const { collection, asset, publish } = wish
  const size = await sizeOf(file)
  const digest = await sha256Of(file)
  const query = new URLSearchParams({
    publish,
    filename: basename(file),
    ...(asset === undefined && { collection }),
    ...saidInText(wish),
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

/** The gateway fetches it. Asked again it fetches again: there may be something else by then. */
const putFrom = async (options: GlobalOptions, source_url: string, wish: UploadWish): Promise<Uploaded> => {
  const { collection, asset, publish } = wish
  const path = asset === undefined ? '/v1/assets' : `/v1/assets/${encodeURIComponent(asset)}/versions`
  const place = { ...(asset === undefined && { collection }), ...saidOf(wish) }
  return (await (
    await call(options, path, jsonRequest('POST', { source_url, publish, ...place }, randomUUID()))
  ).json()) as Uploaded
}

const textOf = ({ asset, version, state, deduplicated }: Uploaded): string =>
  `${asset}  v${version}  ${state}${deduplicated ? '  (these bytes were here already)' : ''}`

interface Wish extends UploadWish {
  readonly from?: string
}

export const put = (program: Command): void => {
  withUploadWish(program.command('put'))
    .description('Upload files as new assets, or one file as the next version of an asset; one line of JSON a file')
    .argument('[files...]', 'what to upload')
    .option('--from <url>', 'instead of files: what the gateway fetches from there')
    .action(async (files: string[], wish: Wish, command: Command) => {
      const options = optionsOf(command)
      if ((wish.from === undefined) === (files.length === 0))
        throw new CliFailure(2, 'no-file', 'Expected files, or --from with a URL.')
      if (wish.from !== undefined) return print(options, await putFrom(options, wish.from, wish), textOf)
      await requireFiles(files, wish)
      for (const file of files) print(options, await upload(options, file, wish), textOf)
    })
}
