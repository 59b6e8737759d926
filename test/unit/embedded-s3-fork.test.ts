import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { forkS3Server } from '../../src/embedded/s3/fork.ts'
import { openS3Store, type S3Store } from '../../src/objects/s3.ts'
import { until } from '../support/until.ts'

const credentials = { accessKeyId: 'test-key', secretAccessKey: 'test-secret' }
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-s3-fork-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const open = (endpoint: string): S3Store =>
  openS3Store({ endpoint, region: 'us-east-1', bucket: 'assets', forcePathStyle: true, attempts: 1, ...credentials })

const object = (key: string, body: Buffer) => ({
  key,
  body,
  bytes: body.length,
  sha256: createHash('sha256').update(body).digest('hex'),
  mediaType: 'image/png',
})

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

it('serves from a process of its own, ignores Ctrl-C, and ends when asked to', async () => {
  const server = await forkS3Server({ folder: join(folder, 'a'), ...credentials })
  const store = open(server.endpoint)
  await store.ensureBucket()
  process.kill(server.pid, 'SIGINT')
  process.kill(server.pid, 'SIGTERM')
  expect(await store.put(object('x', Buffer.from('x')))).toBe('created')
  await server.close()
  await server.close()
  expect(isAlive(server.pid)).toBe(false)
  await expect(store.stat('x')).rejects.toMatchObject({ code: 'storage-unavailable' })
  store.close()
})

it('says why it did not start', async () => {
  const failed = forkS3Server({ folder: join(import.meta.filename, 'x'), ...credentials })
  await expect(failed).rejects.toMatchObject({
    code: 'storage-unavailable',
    message: expect.stringContaining('ENOTDIR'),
  })
})

it('killed within a put, keeps what it acknowledged and nothing else', async () => {
  const own = join(folder, 'b')
  const server = await forkS3Server({ folder: own, ...credentials })
  const store = open(server.endpoint)
  await store.ensureBucket()
  const body = randomBytes(1_000_000)
  await store.put(object('kept', body))
  const endless = new Readable({
    read(size) {
      this.push(randomBytes(size))
    },
  })
  const cut = store.put({ ...object('cut', body), body: () => endless, bytes: 1_000_000_000 })
  const refused = expect(cut).rejects.toMatchObject({ code: 'storage-unavailable' })
  await until('the put is being written', async () => (await readdir(join(own, 'tmp'))).length === 1)
  process.kill(server.pid, 'SIGKILL')
  await refused
  await server.exited
  store.close()

  const next = await forkS3Server({ folder: own, ...credentials })
  const again = open(next.endpoint)
  expect(await readdir(join(own, 'tmp'))).toEqual([])
  expect((await buffer(await again.get({ key: 'kept' }))).equals(body)).toBe(true)
  expect(await again.stat('cut')).toBeUndefined()
  again.close()
  await next.close()
})

it('dies with a parent that is killed', async () => {
  const parent = startParent(join(folder, 'c'))
  try {
    const [line] = await once(createInterface({ input: parent.stdout as Readable }), 'line')
    const { pid, endpoint } = JSON.parse(line)
    expect((await fetch(endpoint)).status).toBe(403)
    parent.kill('SIGKILL')
    await until('the child is gone', () => !isAlive(pid))
    await expect(fetch(endpoint)).rejects.toThrow()
  } finally {
    parent.kill('SIGKILL')
  }
})

const startParent = (own: string): ChildProcess => {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const script = join(import.meta.dirname, '../support/s3-parent.ts')
  return spawn(process.execPath, ['--import', loader, script, own], { stdio: ['ignore', 'pipe', 'inherit'] })
}
