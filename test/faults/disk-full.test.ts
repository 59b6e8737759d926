/**
 * A disk that is full, of a gateway and of a store: whoever brings bytes by whichever entrance hears 507, nothing is acknowledged
 * and nothing stays behind; and once there is room the same request goes through, without a restart.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Core, openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { prepare } from '../../src/prepare.ts'
import { type StagedTarget, sendStaged } from '../../src/sdk/index.ts'
import { environmentOf } from '../support/fork-node.ts'
import { findSmallDisk, forkOnSmallDisk, type SmallDisk } from '../support/small-disk.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { ADMIN_KEY, type CallOptions, requestOf, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectIntact, query } from './intact.ts'

const MIB = 1024 * 1024
const ROOM = 1 * MIB
const BYTES = 6 * MIB

type Send = (method: string, path: string, options?: CallOptions) => Promise<Response>
interface Answer {
  readonly status: number
  readonly code?: string
  readonly digest?: string
}

const answerOf = async (response: Response): Promise<Answer> => {
  const text = await response.text()
  const said = text.startsWith('{') ? (JSON.parse(text) as { code?: string; digest?: string }) : {}
  return { status: response.status, ...said, digest: said.digest ?? response.headers.get('matrix-digest') ?? undefined }
}
const FULL = { status: 507, code: 'storage-full' }
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const IN_PRODUCT_PHOTO = `collection ${Buffer.from('product-photo').toString('base64')}`

/** What a sender does each time he tries, by each entrance; gives what he hears at the end of it. */
const entrancesOf = (send: Send, { key, dam }: { key: string; dam: (bytes: Uint8Array) => string }) => ({
  direct: async (bytes: Uint8Array) => async () =>
    answerOf(await send('POST', '/v1/assets?collection=product-photo', { key, body: new Uint8Array(bytes) })),
  url: async (bytes: Uint8Array) => async () =>
    answerOf(await send('POST', '/v1/assets', { key, body: { source_url: dam(bytes), collection: 'product-photo' } })),
  tus: async (bytes: Uint8Array) => {
    const tus = { 'Tus-Resumable': '1.0.0' }
    const begun = await send('POST', '/v1/tus', {
      key,
      headers: { ...tus, 'Upload-Length': String(bytes.length), 'Upload-Metadata': IN_PRODUCT_PHOTO },
    })
    const url = new URL(begun.headers.get('location') ?? '', 'http://x').pathname
    return async () => {
      const { headers } = await send('HEAD', url, { key, headers: tus })
      const offset = headers.get('upload-offset') ?? ''
      const sent = await send('PATCH', url, {
        key,
        body: new Uint8Array(bytes.subarray(Number(offset))),
        headers: { ...tus, 'Upload-Offset': offset, 'Content-Type': 'application/offset+octet-stream' },
      })
      return answerOf(sent)
    }
  },
  presigned: async (bytes: Uint8Array) => {
    const body = { collection: 'product-photo', bytes: bytes.length }
    const target = (await (await send('POST', '/v1/uploads', { key, body })).json()) as StagedTarget
    const path = `/v1/uploads/${target.upload_id}`
    return async () => {
      const now = (await (await send('GET', path, { key })).json()) as StagedTarget
      const refused = await sendStaged(now, new Blob([new Uint8Array(bytes)]), { tries: 1 }).catch(
        ({ status }: { status: number }) => status,
      )
      if (refused !== undefined) return { status: refused, code: 'storage-full' } // the store says it in XML
      return answerOf(await send('POST', `${path}/complete`, { key }))
    }
  },
})
type Entrances = ReturnType<typeof entrancesOf>
const ENTRANCES = ['direct', 'url', 'tus', 'presigned'] as const satisfies readonly (keyof Entrances)[]

const missing = await findSmallDisk()
describe.skipIf(missing)(`a disk that is full${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let root: string
  let system: System
  let dam: Place
  const served = new Map<string, Uint8Array>()
  const serve = (bytes: Uint8Array): string => {
    const path = `/${digestOf(bytes).slice(7)}.bin`
    served.set(path, bytes)
    return `http://127.0.0.1:${dam.port}${path}`
  }
  const open = (send: Send, of = system): Entrances => entrancesOf(send, { key: of.keys['shop-web'], dam: serve })
  const fetching = { FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any' }
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'matrix-full-'))
    system = await startSystem({ worker: false, env: fetching })
    dam = await openHttp(({ url = '' }, response) => void response.end(served.get(url)))
  })
  afterAll(async () => {
    await dam.close()
    await system.close()
    await rm(root, { recursive: true, force: true })
  })
  /** What was begun by who gave it up. */
  const giveUp = async (core: Core): Promise<void> => {
    await query(core, `update upload set expires_at = now() - interval '1 s' where state = 'OPEN'`)
    await query(core, `update tus_upload set expires_at = now() where state = 'OPEN'`)
  }

  describe('of a gateway', () => {
    let disk: SmallDisk
    let send: Send
    beforeAll(async () => {
      const data = join(root, 'data')
      const env = environmentOf(system, { ...fetching, ROLE: 'gateway', LOG_LEVEL: 'silent', ASSET_MATRIX_DATA: data })
      const file = 'test/support/fork-gateway.ts'
      disk = await forkOnSmallDisk({ file, env, folder: join(data, 'spool'), bytes: 2 * BYTES })
      send = (method, path, options = {}) => fetch(new URL(path, String(disk.said)), requestOf(method, options))
    })
    afterAll(() => disk.kill('SIGTERM'))

    test.each(ENTRANCES)('%s: is told, and goes through when there is room', async entrance => {
      const bytes = randomBytes(BYTES)
      const ask = await open(send)[entrance](bytes)
      await disk.fill(ROOM)
      expect(await ask()).toMatchObject(FULL)
      expect(await ask()).toMatchObject(FULL)
      // What has room is taken.
      const small = randomBytes(1_000)
      expect(await (await open(send)[entrance](small))()).toMatchObject({ digest: digestOf(small) })
      await disk.empty()
      expect(await ask()).toMatchObject({ digest: digestOf(bytes) })
    })

    test('sources: no try is lost by it, and what they told is made when there is room', async () => {
      const secret = 'a-secret-of-the-source'
      const source = {
        adapter: 'cloudevents',
        product: 'shop-web',
        collection: 'product-photo',
        scheme: 'bearer',
        secret,
      }
      expect((await system.call('PUT', '/v1/sources/dam', { key: ADMIN_KEY, body: source })).status).toBe(201)
      await disk.fill(ROOM)
      const bytes = randomBytes(BYTES)
      const event = { specversion: '1.0', id: randomUUID(), source: '/dam', type: 'new', subject: 'large' }
      const told = await send('POST', '/v1/ingest/dam', {
        key: secret,
        body: { ...event, data: { url: serve(bytes) } },
      })
      expect(told.status).toBe(202)
      const item = async () =>
        (
          await query<{ state: string; code: string; failures: number; digest: string | null }>(
            system.core,
            `select i.state, i.code, i.failures, 'sha256:' || encode(v.sha256, 'hex') as digest from source_item i
             left join asset_version v using (tenant_id, asset_id, version)`,
          )
        )[0]
      const tried = async () => (await item())?.code === 'storage-full'
      await until('it is tried', tried, { withinMs: 30_000 })
      expect(await item()).toMatchObject({ state: 'PENDING', failures: 0 })
      await disk.empty()
      await query(system.core, 'update source_item set not_before = now()')
      const made = async () => (await item())?.state === 'DONE'
      await until('it is made', made, { withinMs: 30_000 })
      expect(await item()).toMatchObject({ digest: digestOf(bytes) })
    })

    test('nothing stays behind', async () => {
      await giveUp(system.core)
      await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: disk.folder })
      expect(disk.complaints()).toBe('')
    })
  })

  describe('of the store', () => {
    let disk: SmallDisk
    /** Engines but for the store, which is another one. */
    let rows: System
    let core: Core
    let send: Send
    beforeAll(async () => {
      const folder = join(root, 's3')
      const env = { S3_FOLDER: folder }
      disk = await forkOnSmallDisk({ file: 'test/support/fork-s3.ts', env, folder, bytes: 12 * BYTES })
      rows = await startSystem({ worker: false, env: fetching })
      const { config, engines } = rows
      const s3 = { ...engines.s3, endpoint: String(disk.said) }
      core = await openCore({ config, engines: { ...engines, s3 }, name: 'full' })
      await prepare(core, ADMIN_KEY)
      const app = createApp(openGateway(core))
      send = async (method, path, options = {}) => app.request(path, requestOf(method, options))
    })
    afterAll(async () => {
      await core.close()
      await rows.close()
      await disk.kill('SIGTERM')
    })

    test.each(ENTRANCES)('%s: is told, and goes through when there is room', async entrance => {
      const bytes = randomBytes(BYTES)
      const ask = await open(send, rows)[entrance](bytes)
      await disk.fill(ROOM)
      expect(await ask()).toMatchObject(FULL)
      expect(await ask()).toMatchObject(FULL)
      await disk.empty()
      expect(await ask()).toMatchObject({ digest: digestOf(bytes) })
    })

    test('presigned: what has come and finds no room as an original is not lost', async () => {
      const bytes = randomBytes(BYTES)
      const key = rows.keys['shop-web']
      const body = { collection: 'product-photo', bytes: bytes.length }
      const target = (await (await send('POST', '/v1/uploads', { key, body })).json()) as StagedTarget
      await sendStaged(target, new Blob([bytes]))
      await disk.fill(ROOM)
      const complete = async () => answerOf(await send('POST', `/v1/uploads/${target.upload_id}/complete`, { key }))
      expect(await complete()).toMatchObject(FULL)
      await disk.empty()
      expect(await complete()).toMatchObject({ status: 201, digest: digestOf(bytes) })
    })

    test('nothing stays behind', async () => {
      await giveUp(core)
      await expectIntact(core, { s3Folder: disk.folder, spoolFolder: core.spoolFolder })
      expect(disk.complaints()).toBe('')
    })
  })
})
