import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Resolution {
  readonly state: 'ready' | 'pending'
  readonly version: number
  readonly media_type?: string
  readonly width?: number
  readonly height?: number
  readonly bytes?: number
  readonly delivery?: { readonly url: string; readonly expires_at: string }
  readonly shared_with?: number
}

export const resolve = (program: Command): void => {
  program
    .command('resolve')
    .description('Which URL does a product show for a rendition of an asset')
    .argument('<product>')
    .argument('<asset>')
    .argument('<rendition>')
    .option('-f, --format <format>', 'auto, avif, webp, jpeg or png', 'auto')
    .option('-w, --wait <seconds>', 'wait for what is not ready', '10')
    .option('-o, --output <file>', 'also fetch the bytes into a file')
    .action(
      async (
        product: string,
        asset: string,
        rendition: string,
        own: { format: string; wait: string; output?: string },
        command: Command,
      ) => {
        const options = optionsOf(command)
        const path = `/v1/products/${encodeURIComponent(product)}/assets/${encodeURIComponent(asset)}/renditions/${encodeURIComponent(rendition)}`
        const query = new URLSearchParams({ format: own.format, wait: own.wait })
        const response = await call(options, `${path}?${query}`, { headers: { Accept: 'application/json' } })
        const found = (await response.json()) as Resolution
        print(options, found, ({ state, version, media_type, width, height, bytes, delivery, shared_with }) =>
          state === 'ready'
            ? `${delivery?.url}\nv${version}  ${media_type}  ${width} x ${height}  ${bytes} bytes  shared with ${shared_with ?? 0} other products  until ${delivery?.expires_at}`
            : `v${version} is being made`,
        )
        if (found.delivery === undefined) throw new CliFailure(1, 'Not ready yet.')
        if (own.output === undefined) return
        const bytesOf = await fetch(found.delivery.url)
        if (!bytesOf.ok || bytesOf.body === null)
          throw new CliFailure(3, `The object store answered ${bytesOf.status}.`)
        await pipeline(Readable.fromWeb(bytesOf.body as ReadableStream), createWriteStream(own.output))
      },
    )
}
