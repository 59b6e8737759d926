/** The clients that people have, as they are: tus-js-client and Uppy, against a gateway on a socket. */
import { randomBytes } from 'node:crypto'
import { Upload, type UploadOptions } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { openSocketClient } from '../support/http.ts'
import { type System, startSystem } from '../support/system.ts'

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
beforeAll(async () => {
  system = await startSystem({ worker: false })
  socket = await openSocketClient(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const staged = async (): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of system.core.staging.list('')) keys.push(key)
  return keys
}
const endpoint = (): string => `${socket.address}/v1/tus`
const headers = () => ({ Authorization: `Bearer ${system.keys['shop-web']}` })

describe('tus-js-client', () => {
  const options = (more: Partial<UploadOptions>): UploadOptions => ({
    endpoint: endpoint(),
    headers: headers(),
    metadata: { collection: 'product-photo', filename: 'noise.bin', filetype: 'application/octet-stream' },
    retryDelays: [50, 50, 50],
    ...more,
  })
  const run = (bytes: Buffer, more: Partial<UploadOptions> = {}): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      const onSuccess: UploadOptions['onSuccess'] = ({ lastResponse }) =>
        resolve(lastResponse.getHeader('Matrix-Digest'))
      new Upload(bytes as never, options({ onSuccess, onError: reject, ...more })).start()
    })

  test.each([
    ['in one request', {}],
    ['in chunks', { chunkSize: 100_000 }],
    ['with its bytes in the creation', { uploadDataDuringCreation: true }],
  ])('uploads %s', async (_, more) => {
    const bytes = randomBytes(1_000_000)
    expect(await run(bytes, more)).toBe(`sha256:${sha256Hex(bytes)}`)
    expect(await staged()).toEqual([])
  })

  test('pauses, and another instance resumes it', async () => {
    const bytes = randomBytes(6_000_000)
    const first = await new Promise<Upload>((resolve, reject) => {
      const upload: Upload = new Upload(
        bytes as never,
        options({
          chunkSize: 500_000,
          onError: reject,
          onChunkComplete: async (_size, accepted) => {
            if (accepted < 2_000_000) return
            await upload.abort()
            resolve(upload)
          },
        }),
      )
      upload.start()
    })
    const accepted: number[] = []
    const onChunkComplete = (size: number): void => void accepted.push(size)
    expect(await run(bytes, { uploadUrl: first.url, onChunkComplete })).toBe(`sha256:${sha256Hex(bytes)}`)
    // What was kept before is not sent again.
    expect(accepted.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(4_000_000)
  })

  test('takes back what it has begun', async () => {
    const upload: Upload = new Upload(randomBytes(3_000_000) as never, options({ chunkSize: 300_000 }))
    await new Promise<void>((resolve, reject) => {
      upload.options.onError = reject
      upload.options.onChunkComplete = () => resolve()
      upload.start()
    })
    await upload.abort(true)
    const answer = await fetch(upload.url ?? '', {
      method: 'HEAD',
      headers: { ...headers(), 'Tus-Resumable': '1.0.0' },
    })
    expect(answer.status).toBe(404)
    expect(await staged()).toEqual([])
  })

  test('hears why it was refused', async () => {
    const metadata = { collection: 'nothing' }
    await expect(run(randomBytes(10), { metadata })).rejects.toMatchObject({
      originalResponse: expect.objectContaining({}),
      message: expect.stringContaining('not-found'),
    })
  })
})

interface UppyLike {
  use(plugin: unknown, options: object): UppyLike
  addFile(file: object): string
  on(event: 'upload-progress', hear: (file: unknown, progress: { bytesUploaded: number }) => void): void
  pauseResume(id: string): void
  upload(): Promise<{ readonly successful: unknown[]; readonly failed: unknown[] } | undefined>
  destroy(): void
}

// By names that are not followed: the types of both bring those of browsers along, which are not node's.
const [UPPY, TUS]: readonly string[] = ['@uppy/core', '@uppy/tus']

describe('Uppy', async () => {
  const { default: Uppy } = (await import(String(UPPY))) as { default: new (options: object) => UppyLike }
  const { default: Tus } = (await import(String(TUS))) as { default: unknown }

  const open = () =>
    new Uppy({ autoProceed: false, meta: { collection: 'product-photo' } }).use(Tus, {
      endpoint: endpoint(),
      headers: headers(),
      chunkSize: 400_000,
      retryDelays: [50, 50, 50],
    })
  /** In node tus-js-client reads buffers; what else Uppy asks of a file is its size. */
  const add = (uppy: UppyLike, bytes: Buffer, name: string): string =>
    uppy.addFile({ name, type: '', data: Object.assign(bytes, { size: bytes.length }) })

  test('uploads several files with the metadata that it adds by itself', async () => {
    const uppy = open()
    const files = [randomBytes(900_000), randomBytes(10), randomBytes(500_000)]
    for (const [n, bytes] of files.entries()) add(uppy, bytes, `file-${n}.bin`)
    const result = await uppy.upload()
    expect(result?.failed).toEqual([])
    expect(result?.successful).toHaveLength(3)
    uppy.destroy()
    const found = await system.core.database.rows<{ filename: string; sha256: string }>(
      {
        name: 'test_uppy',
        text: `select filename, encode(sha256, 'hex') as sha256 from asset_version where filename like 'file-%' order by 1`,
      },
      [],
    )
    expect(found).toEqual(files.map((bytes, n) => ({ filename: `file-${n}.bin`, sha256: sha256Hex(bytes) })))
    expect(await staged()).toEqual([])
  })

  test('pauses and resumes', async () => {
    const uppy = open()
    const bytes = randomBytes(3_000_000)
    const id = add(uppy, bytes, 'paused.bin')
    let paused = false
    uppy.on('upload-progress', (_file, { bytesUploaded }) => {
      if (paused || bytesUploaded < 800_000) return
      paused = true
      uppy.pauseResume(id)
      setImmediate(() => uppy.pauseResume(id))
    })
    const result = await uppy.upload()
    expect(paused).toBe(true)
    expect(result?.failed).toEqual([])
    expect(result?.successful).toHaveLength(1)
    uppy.destroy()
    expect(await staged()).toEqual([])
  })
})
