import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Command } from 'commander'
import { PUBLISH_POLICIES } from '../../model/asset.ts'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { progressOf } from '../progress.ts'

interface Uploaded {
  readonly asset: string
  readonly version: number
  readonly state: string
  readonly digest: string
  readonly deduplicated: boolean
}

const sha256Of = async (file: string): Promise<Buffer> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest()
}

export const put = (program: Command): void => {
  program
    .command('put')
    .description('Upload files as new assets, or one file as the next version of an asset')
    .argument('<files...>')
    .option('-c, --collection <name>', 'collection of new assets', 'product-photo')
    .option('-a, --asset <id>', 'add a version to this asset')
    .option('--publish <policy>', PUBLISH_POLICIES.join(', '), 'when-ready')
    .action(async (files: string[], own: { collection: string; asset?: string; publish: string }, command: Command) => {
      const options = optionsOf(command)
      if (own.asset !== undefined && files.length > 1)
        throw new CliFailure(2, 'One file at a time makes the next version of an asset.')
      for (const file of files) {
        const size = (await stat(file).catch(() => undefined))?.size
        if (size === undefined) throw new CliFailure(2, `There is no file ${file}.`)
        const digest = await sha256Of(file)
        const query = new URLSearchParams({
          publish: own.publish,
          filename: basename(file),
          ...(own.asset === undefined && { collection: own.collection }),
        })
        const path =
          own.asset === undefined
            ? `/v1/assets?${query}`
            : `/v1/assets/${encodeURIComponent(own.asset)}/versions?${query}`
        const body = createReadStream(file)
        progressOf(body, { label: basename(file), total: size, quiet: options.json })
        const response = await call(options, path, {
          method: 'POST',
          duplex: 'half',
          body: Readable.toWeb(body) as ReadableStream as unknown as RequestInit['body'] & object,
          headers: {
            'Content-Length': String(size),
            // The same file to the same place is the same wish, however often the command is repeated.
            'Idempotency-Key': createHash('sha256').update(digest).update(path).digest('hex'),
            'Repr-Digest': `sha-256=:${digest.toString('base64')}:`,
          },
        })
        print(
          options,
          (await response.json()) as Uploaded,
          ({ asset, version, state, deduplicated }) =>
            `${asset}  v${version}  ${state}${deduplicated ? '  (these bytes were here already)' : ''}`,
        )
      }
    })
}
