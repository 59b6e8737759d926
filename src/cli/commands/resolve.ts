import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { type Command, Option } from 'commander'
import { FORMATS } from '../../model/recipe.ts'
import { wholeNumber } from '../arguments.ts'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { resolveBatch } from '../resolve-batch.ts'

interface Resolution {
  readonly state: 'ready' | 'pending'
  readonly version?: number
  readonly media_type?: string
  readonly width?: number
  readonly height?: number
  readonly bytes?: number
  readonly delivery?: { readonly url: string; readonly expires_at: string }
  readonly shared_with?: number
  readonly deprecation?: { readonly sunset: string }
}

const describe = (found: Resolution): string => {
  const { version, media_type, width, height, bytes, delivery, shared_with, deprecation } = found
  if (delivery === undefined) return version === undefined ? 'Nothing is published yet.' : `v${version} is being made.`
  const facts = [
    `v${version}`,
    media_type,
    width && `${width} x ${height}`,
    `${bytes} bytes`,
    shared_with && `shared with ${shared_with} other ${shared_with === 1 ? 'product' : 'products'}`,
    `until ${delivery.expires_at}`,
    deprecation && `the rendition is to go: ${deprecation.sunset}`,
  ]
  return `${delivery.url}\n${facts.filter(Boolean).join('  ')}`
}

const download = async (url: string, file: string): Promise<void> => {
  const response = await fetch(url).catch(error => {
    throw new CliFailure(3, 'unreachable', `The object store does not answer: ${error.cause?.message ?? error.message}`)
  })
  if (!response.ok || response.body === null)
    throw new CliFailure(3, `http-${response.status}`, `The object store answered ${response.status}.`)
  await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(file)).catch(error => {
    throw new CliFailure(2, 'no-file', `${file} cannot be written: ${error.message}`)
  })
}

interface Own {
  readonly format: string
  readonly wait: number
  readonly output?: string
  readonly batch?: string
}

const wrongUsage = (why: string): CliFailure => new CliFailure(2, 'usage', why)

export const resolve = (program: Command): void => {
  program
    .command('resolve')
    .description('Which URL does a product show for a rendition of an asset, or for each of a file')
    .argument('<product>', 'who asks')
    .argument('[asset]', 'id of the asset')
    .argument('[rendition]', 'name of the rendition, or `original`')
    .addOption(new Option('-f, --format <format>', 'format asked for').choices(['auto', ...FORMATS]).default('auto'))
    .option('-w, --wait <seconds>', 'how long to wait for what is not ready', wholeNumber(0, 60), 10)
    .option('-o, --output <file>', 'also fetch the bytes into a file')
    .option(
      '-b, --batch <file>',
      'NDJSON of {asset, rendition, format?, version?}, answered as NDJSON; exit code 1 where one is refused or not ready',
    )
    .action(
      async (
        product: string,
        asset: string | undefined,
        rendition: string | undefined,
        { batch, format, wait, output }: Own,
        command: Command,
      ) => {
        const options = optionsOf(command)
        if (batch !== undefined) {
          if (asset !== undefined || output !== undefined)
            throw wrongUsage('--batch has its assets in the file, and fetches no bytes.')
          return resolveBatch(options, { product, file: batch, format, wait })
        }
        if (asset === undefined || rendition === undefined)
          throw wrongUsage('Expected an asset and a rendition, or --batch with a file of them.')
        const path = `/v1/products/${encodeURIComponent(product)}/assets/${encodeURIComponent(asset)}/renditions/${encodeURIComponent(rendition)}`
        const query = new URLSearchParams({ format, wait: String(wait) })
        const response = await call(options, `${path}?${query}`, { headers: { Accept: 'application/json' } })
        const found = (await response.json()) as Resolution
        print(options, found, describe)
        if (found.delivery === undefined)
          throw new CliFailure(1, 'pending', 'Not ready yet: ask again, or raise --wait.')
        if (output !== undefined) await download(found.delivery.url, output)
      },
    )
}
