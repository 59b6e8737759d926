/** Each way in as a client takes it: one file until it is a version. The raw PUT beside them is what a store alone does. */
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, openAsBlob } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { tusUpload, uploadDirect } from '../../src/sdk/index.ts'
import type { Gateway, World } from './world.ts'

export type Send = (path: string) => Promise<void>

export interface Ways {
  /** The first is the reference. */
  readonly byName: Readonly<Record<string, Send>>
  /** Where files of the folder are had by URL. */
  readonly origin: string
  close(): void
}

const sendFile = async (
  method: string,
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> => {
  const outgoing = request(url, { method, headers: { ...headers, 'Content-Length': String((await stat(path)).size) } })
  const answered = once(outgoing, 'response')
  await pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), outgoing)
  const [answer] = await answered
  let text = ''
  for await (const chunk of answer) text += chunk
  if (answer.statusCode >= 300) throw new Error(`${method}: ${answer.statusCode} ${text}`)
}

export const digestOfFile = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

/** Of the same length and not the same bytes. */
export const renew = async (path: string): Promise<void> => {
  const file = await open(path, 'r+')
  await file.write(randomUUID().replaceAll('-', ''), 0)
  await file.close()
}

export const openWays = async (world: World, gateway: Gateway, key: string): Promise<Ways> => {
  const { endpoint, region, accessKeyId, secretAccessKey } = world.s3
  const client = new S3Client({
    ...{ endpoint, region, forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' },
    credentials: { accessKeyId, secretAccessKey },
  })
  const files = createServer((incoming, outgoing) => {
    const path = join(world.folder, basename(incoming.url ?? ''))
    void stat(path).then(({ size }) => {
      outgoing.writeHead(200, { 'Content-Length': size, 'Content-Type': 'application/octet-stream' })
      createReadStream(path, { highWaterMark: 256 * 1024 }).pipe(outgoing)
    })
  }).listen(0, '127.0.0.1')
  await once(files, 'listening')
  const origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`
  const authorised = { Authorization: `Bearer ${key}` }
  const once201 = () => ({ ...authorised, 'Idempotency-Key': randomUUID() })

  return {
    byName: {
      'PUT to S3': async path => {
        const command = new PutObjectCommand({ Bucket: gateway.store.buckets.originals, Key: `bench/${randomUUID()}` })
        await sendFile('PUT', await getSignedUrl(client, command), path, {})
      },
      'one request': path =>
        sendFile('POST', `${gateway.address}/v1/assets?collection=photos`, path, {
          ...once201(),
          'Content-Type': 'application/octet-stream',
        }),
      presigned: async path => {
        const content = await openAsBlob(path)
        await uploadDirect({ url: gateway.address, key, wish: { collection: 'photos' }, content })
      },
      'presigned, digest announced': async path => {
        const [content, sha256] = await Promise.all([openAsBlob(path), digestOfFile(path)])
        await uploadDirect({ url: gateway.address, key, wish: { collection: 'photos', sha256 }, content })
      },
      tus: async path => {
        const content = await openAsBlob(path)
        const source = {
          bytes: content.size,
          open: (from: number) => content.slice(from).stream() as ReadableStream<Uint8Array>,
        }
        const metadata = { collection: 'photos' }
        await tusUpload({ endpoint: `${gateway.address}/v1/tus`, headers: authorised, metadata, source })
      },
      'by URL': async path => {
        const response = await fetch(`${gateway.address}/v1/assets`, {
          method: 'POST',
          headers: { ...once201(), 'Content-Type': 'application/json' },
          body: JSON.stringify({ collection: 'photos', source_url: `${origin}/${basename(path)}` }),
        })
        if (response.status >= 300) throw new Error(`by URL: ${response.status} ${await response.text()}`)
        await response.body?.cancel()
      },
    },
    origin,
    close() {
      files.close()
      client.destroy()
    },
  }
}
