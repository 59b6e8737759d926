/** Collections whose originals are scanned: nothing is shown or made before, what is found stays hidden, and no silence lets anything go. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { takeScan } from '../../src/manifest/scans.ts'
import { examine } from '../../src/reconcile/doctor.ts'
import { advanceScans } from '../../src/reconcile/scans.ts'
import { query } from '../faults/intact.ts'
import { findClamd, MALWARE, startClamd, type TestClamd } from '../support/clamd.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const clamd = await findClamd()

interface Version {
  readonly state: string
  readonly failure?: { readonly code: string; readonly signature: string }
}

const open = async (env: Readonly<Record<string, string>>) => {
  const system = await startSystem({ env })
  const send = await openClient(system)
  const body = { owner: 'shop-web', rules: { scan: true } }
  await expectJson(send('PUT', '/v1/collections/scanned', { key: ADMIN_KEY, body }), 201)
  const recipe = { resize: { width: 40 }, formats: ['jpeg'] }
  const path = '/v1/collections/scanned/products/shop-web/renditions/thumb'
  await expectJson(send('PUT', path, { key: ADMIN_KEY, body: { recipe } }), 201)
  return { system, send }
}
const using = ({ system, send }: { system: System; send: Send }) => {
  const key = system.keys['shop-web']
  return {
    key,
    upload: (bytes: Uint8Array, collection = 'scanned') =>
      send('POST', `/v1/assets?collection=${collection}`, { key, body: bytes }),
    version: (asset: string) => expectJson<Version>(send('GET', `/v1/assets/${asset}/versions/1`, { key }), 200),
    thumb: (asset: string) => send('GET', `/v1/products/shop-web/assets/${asset}/renditions/thumb`, { key }),
    original: (asset: string) => send('GET', `/i/shop-web/${asset}/v1/original`, { key }),
    scan: async () => {
      await system.core.database.rows({ name: 'scans_due', text: 'update scan set not_before = now()' }, [])
      await advanceScans({ ...system.core, config: system.config })
    },
  }
}
const picture = async (more: string | Buffer) =>
  Buffer.concat([await photo({ width: 80, height: 60 }), Buffer.from(more)])

describe('a scanner behind HTTP', () => {
  let opened: Awaited<ReturnType<typeof open>>
  let scanner: Server
  let on: ReturnType<typeof using>
  let answer: (request: IncomingMessage, body: Buffer, response: ServerResponse) => void
  const calls: { headers: IncomingMessage['headers']; body: Buffer }[] = []
  const saying = (verdict: object) => (_: IncomingMessage, __: Buffer, response: ServerResponse) =>
    response.end(JSON.stringify(verdict))

  beforeAll(async () => {
    scanner = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      calls.push({ headers: request.headers, body })
      answer(request, body, response)
    })
    await new Promise<void>(resolve => scanner.listen(0, '127.0.0.1', resolve))
    const { port } = scanner.address() as AddressInfo
    opened = await open({
      SCAN_URL: `http://127.0.0.1:${port}/scan`,
      SCAN_TOKEN: 'secret-of-the-scanner',
      SCAN_TIMEOUT_MS: '1000',
      // It fails in every way here, and is asked again each time.
      BREAKER_SCAN: '1000/10s/1s/1',
    })
    on = using(opened)
  })
  afterAll(async () => {
    await opened.system.close()
    await new Promise(resolve => scanner.close(resolve))
  })
  afterEach(() => calls.splice(0))

  test('is given the bytes, and until it has spoken nobody is shown anything', async () => {
    const bytes = await picture('clean')
    const { asset, digest, state } = await expectJson<{ asset: string; digest: string; state: string }>(
      on.upload(bytes),
      201,
    )
    expect(state).toBe('PENDING')
    expect((await on.thumb(asset)).status).toBe(202)
    await expectRefusal(on.original(asset), 404, 'not-found')
    expect(await query(opened.system.core, 'select 1 from leaf where asset_id = $1', [asset])).toEqual([])
    await expectRefusal(
      opened.send('POST', `/v1/assets/${asset}/publish`, {
        key: on.key,
        body: { version: 1 },
        headers: { 'If-Match': '*' },
      }),
      409,
      'not-ready',
    )

    answer = saying({ clean: true })
    await on.scan()
    expect(calls).toHaveLength(1)
    expect(calls[0]?.body.equals(bytes)).toBe(true)
    expect(calls[0]?.headers).toMatchObject({
      'content-type': 'image/jpeg',
      'content-length': String(bytes.length),
      'matrix-digest': digest,
      authorization: 'Bearer secret-of-the-scanner',
    })
    await settled(opened.system)
    expect(await on.version(asset)).toMatchObject({ state: 'ACTIVE' })
    expect((await on.thumb(asset)).status).toBe(302)

    // The same bytes again, while the verdict is fresh: nobody is asked.
    expect(await expectJson(on.upload(bytes), 201)).not.toMatchObject({ state: 'PENDING' })
    await on.scan()
    expect(calls).toHaveLength(1)
  })

  test('finds something: it stays hidden, says so, and is not taken in again; a person may let it go', async () => {
    const bytes = await picture('infected')
    const { asset } = await expectJson<{ asset: string }>(on.upload(bytes), 201)
    const second = await expectJson<{ asset: string }>(on.upload(bytes), 201)
    answer = saying({ clean: false, signature: 'Evil\r\nX-Header: 1' })
    await on.scan()
    for (const one of [asset, second.asset]) {
      expect(await on.version(one)).toMatchObject({
        state: 'PENDING',
        failure: { code: 'infected', signature: 'Evil X-Header: 1' },
      })
      await expectRefusal(on.original(one), 404, 'not-found')
      await expectRefusal(on.thumb(one), 424, 'rendition-failed')
    }
    await leavesNothing(opened.system, () => expectRefusal(on.upload(bytes), 422, 'infected'))
    // A collection that asks for no scan takes what it takes.
    await expectJson(on.upload(bytes, 'product-photo'), 201)
    const told = `select data->'failed' as first, newest->'failed' as second from event where asset_id = $1 and type = 'asset.version_failed'`
    const signature = 'Evil X-Header: 1'
    expect(await query(opened.system.core, told, [asset])).toEqual([
      { first: [{ code: 'infected', signature }], second: [{ cause: 'infected', signature }] },
    ])

    const release = (version: number) =>
      opened.send('POST', `/v1/assets/${asset}/versions/${version}/release`, {
        key: ADMIN_KEY,
        body: { reason: 'a false alarm' },
      })
    await expectRefusal(release(2), 404, 'not-found')
    await expectJson(release(1), 202)
    await on.scan()
    await settled(opened.system)
    expect(calls).toHaveLength(1)
    for (const one of [asset, second.asset]) {
      expect(await on.version(one)).toMatchObject({ state: 'ACTIVE' })
      expect((await on.thumb(one)).status).toBe(302)
    }
    await expectRefusal(release(1), 409, 'conflict')
    const audited = `select action from audit where resource = $1 and action like 'version.%' order by at`
    expect(await query(opened.system.core, audited, [`assets/${asset}/versions/1`])).toEqual([
      { action: 'version.infected' },
      { action: 'version.release' },
    ])
  })

  test.each<[string, typeof answer]>([
    ['an error', (_, __, response) => response.writeHead(500).end('{"clean":true}')],
    ['a redirect', (_, __, response) => response.writeHead(302, { Location: '/elsewhere' }).end()],
    ['nothing', (_, __, response) => response.end()],
    ['no JSON', (_, __, response) => response.end('clean')],
    ['no verdict', saying({ clean: 'true' })],
    ['more than a verdict', (_, __, response) => response.end(`{"clean":true${' '.repeat(100_000)}}`)],
    ['no end', (_, __, response) => response.write('{"clean":')],
    ['a broken connection', request => request.socket.destroy()],
  ])('%s lets nothing go, and it is asked again', async (what, says) => {
    const { asset } = await expectJson<{ asset: string }>(on.upload(await picture(what)), 201)
    answer = says
    await on.scan()
    expect(await on.version(asset)).toEqual(expect.objectContaining({ state: 'PENDING' }))
    expect(await on.version(asset)).not.toHaveProperty('failure')
    const { checks } = await examine({ ...opened.system.core })
    expect(checks.find(({ check }) => check === 'scans')?.detail).toMatchObject({
      waiting: 1,
      last_error: expect.any(String),
    })
    answer = saying({ clean: true })
    await on.scan()
    expect((await on.version(asset)).state).not.toBe('PENDING')
  })

  test('a process that dies within a scan delays it by a minute', async () => {
    const { database } = opened.system.core
    answer = (_, __, response) => response.destroy()
    const bytes = await picture('taken and left')
    await expectJson(on.upload(bytes), 201)
    await on.scan()
    await database.rows({ name: 'scans_due', text: 'update scan set not_before = now()' }, [])
    const taken = await takeScan(database)
    expect(taken).toMatchObject({ bytes: bytes.length })
    const [left] = await database.rows<{ seconds: number }>(
      {
        name: 'scan_left',
        text: `select extract(epoch from not_before - now())::float8 as seconds from scan where sha256 = decode($1, 'hex')`,
      },
      [taken?.sha256],
    )
    expect(left?.seconds).toBeGreaterThan(30)
    expect(left?.seconds).toBeLessThan(61)
  })

  test('a process that dies after the verdict leaves nothing behind that another does not finish', async () => {
    const { asset } = await expectJson<{ asset: string }>(on.upload(await picture('dies')), 201)
    answer = saying({ clean: true })
    const { database } = opened.system.core
    const dying = { ...database, transaction: () => Promise.reject(new Error('died')) }
    await database.rows({ name: 'scans_due', text: 'update scan set not_before = now()' }, [])
    await expect(
      advanceScans({ ...opened.system.core, database: dying, config: opened.system.config }),
    ).rejects.toThrow('died')
    expect(await on.version(asset)).toMatchObject({ state: 'PENDING' })
    await on.scan()
    await settled(opened.system)
    expect(await on.version(asset)).toMatchObject({ state: 'ACTIVE' })
  })
})

test('where no scanner is configured, no collection can ask for one', async () => {
  const system = await startSystem({ worker: false })
  try {
    const send = await openClient(system)
    const body = { owner: 'shop-web', rules: { scan: true } }
    await expectRefusal(send('PUT', '/v1/collections/x', { key: ADMIN_KEY, body }), 422, 'contract-violation')
  } finally {
    await system.close()
  }
})

const reason = 'missing' in clamd ? ` (skipped: ${clamd.missing})` : ''
describe.skipIf('missing' in clamd)(`a real ClamAV${reason}`, () => {
  let daemon: TestClamd
  let opened: Awaited<ReturnType<typeof open>>
  let on: ReturnType<typeof using>
  beforeAll(async () => {
    if ('missing' in clamd) return
    daemon = await startClamd(clamd)
    opened = await open({ CLAMD: daemon.path })
    on = using(opened)
  }, 60_000)
  afterAll(async () => {
    await opened?.system.close()
    await daemon?.stop()
  })

  test('lets clean originals go and finds the others, at any place of a file', async () => {
    const [clean, infected, large] = await Promise.all(
      [await picture('clean'), await picture(MALWARE), Buffer.concat([Buffer.alloc(3_000_000, 7), MALWARE])].map(
        bytes => expectJson<{ asset: string }>(on.upload(bytes), 201),
      ),
    )
    await on.scan()
    await settled(opened.system)
    expect(await on.version(clean?.asset ?? '')).toMatchObject({ state: 'ACTIVE' })
    for (const one of [infected, large])
      expect(await on.version(one?.asset ?? '')).toMatchObject({
        state: 'PENDING',
        failure: { code: 'infected', signature: daemon.signature },
      })
  })

  test('what is longer than it takes is not called clean', async () => {
    const { asset } = await expectJson<{ asset: string }>(on.upload(Buffer.alloc(8_000_000, 3)), 201)
    await on.scan()
    expect(await on.version(asset)).toMatchObject({ state: 'PENDING' })
    const { checks } = await examine({ ...opened.system.core })
    expect(checks.find(({ check }) => check === 'scans')?.detail).toMatchObject({ waiting: 1 })
  })
})
