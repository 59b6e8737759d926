/** `matrix`, as a shell runs it, for the ways in that are not a file sent to the gateway; and what becomes of versions and holds. */
import { createHmac } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packet, withBlocks } from '../support/blocks.ts'
import { photo } from '../support/images.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { runMatrix, type StartedGateway, startGateway } from '../support/started.ts'
import { until } from '../support/until.ts'

const SECRET = 'a-secret-of-the-source'

let gateway: StartedGateway
let dam: Place
let root: string
const shown = new Map<string, Buffer>()
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'matrix-ways-'))
  dam = await openHttp(({ url = '' }, response) => {
    const bytes = shown.get(url)
    response.writeHead(bytes ? 200 : 404).end(bytes)
  })
  const env = { ASSET_MATRIX_DATA: join(root, '.data'), WORKERS: '1', FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any' }
  gateway = await startGateway({ ...env, STAGED_PART_BYTES: String(5 * 1024 * 1024) })
})
afterAll(async () => {
  await gateway.end('SIGINT')
  await dam.close()
  await rm(root, { recursive: true, force: true })
})

const matrix = (...args: string[]) => runMatrix(root, args)
const done = async <T>(...args: string[]): Promise<T> => {
  const { code, out, err } = await matrix('--json', ...args)
  expect(err).toBe('')
  expect(code).toBe(0)
  return JSON.parse(out) as T
}
const at = (path: string): string => `http://127.0.0.1:${dam.port}${path}`
const serve = async (path: string): Promise<string> => {
  shown.set(path, Buffer.concat([await photo({ width: 80, height: 60 }), Buffer.from(crypto.randomUUID())]))
  return at(path)
}

test('put --from has the gateway fetch it, and says what is wrong with the URL', async () => {
  const url = await serve('/red-shoe.jpg')
  const made = await matrix('put', '--from', url, '--label', 'red', '--alias', 'sku:1')
  expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^[0-9a-f-]{36} {2}v1 {2}\w+$/) })
  const asset = made.out.slice(0, 36)
  const next = await matrix('put', '--from', url, '--asset', asset)
  expect(next).toMatchObject({ code: 0, out: expect.stringMatching(/ {2}v2 .*\(these bytes were here already\)$/) })
  expect(await matrix('put', '--from', at('/nothing.jpg'))).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^source-unavailable: /),
  })
  expect(await matrix('put', '--from', 'file:///etc/passwd')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^url-forbidden: /),
  })
  for (const args of [['put'], ['put', 'one.jpg', '--from', url]]) expect((await matrix(...args)).code).toBe(2)
})

test('upload --direct sends to the store, whole or in parts, and once however often it is said', async () => {
  await writeFile(join(root, 'one.jpg'), await photo({ width: 120, height: 90 }))
  const one = await matrix('upload', '--direct', 'one.jpg')
  expect(one).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/^[0-9a-f-]{36} {2}v1 {2}ACTIVE {2}(\d+) of \1 renditions$/),
  })
  await writeFile(join(root, 'parts.bin'), Buffer.alloc(12 * 1024 * 1024, 7))
  const stored = await done<{ asset: string }>('upload', '--direct', '--no-wait', 'parts.bin')
  expect(await done('upload', '--direct', '--no-wait', 'parts.bin')).toEqual(stored)
  const { entrance } = await provenance(stored.asset)
  expect(entrance).toBe('staged')
  await writeFile(join(root, 'empty.bin'), '')
  expect(await matrix('upload', '--direct', 'empty.bin')).toMatchObject({ code: 2 })
  expect(await matrix('upload', '--direct', 'one.jpg', '-c', 'nowhere')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^not-found: /),
  })
  expect(await matrix('--url', 'http://127.0.0.1:1', 'upload', '--direct', 'one.jpg')).toMatchObject({ code: 3 })
})

const provenance = async (asset: string): Promise<{ entrance: string }> => {
  const key = (await readFile(join(root, '.data/admin.key'), 'utf8')).trim()
  const path = `${gateway.address}/v1/assets/${asset}/versions/1/provenance`
  return (await (await fetch(path, { headers: { Authorization: `Bearer ${key}` } })).json()) as { entrance: string }
}

describe('sources', () => {
  const SOURCE = {
    adapter: 'cloudevents',
    product: 'shop-web',
    collection: 'product-photo',
    scheme: 'hmac-sha256',
    secret: SECRET,
  }
  const line = 'dam  cloudevents  shop-web in product-photo  trust 1  when-ready  proves itself by hmac-sha256'
  const tell = async (event: object): Promise<string> => {
    const body = JSON.stringify(event)
    const signature = createHmac('sha256', SECRET).update(body).digest('hex')
    const headers = { 'Content-Type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` }
    const response = await fetch(`${gateway.address}/v1/ingest/dam`, { method: 'POST', body, headers })
    expect(response.status).toBe(202)
    return body
  }
  const eventOf = (id: string, url: string) => ({
    ...{ specversion: '1.0', id, source: '/dam', type: 'asset.updated', subject: `sku-${id}` },
    data: { url },
  })
  const items = async (state: string): Promise<string> =>
    (await matrix('sources', 'items', 'dam', '--state', state)).out

  test('are put from a file, tried before, shown and listed without their secret', async () => {
    expect(await matrix('sources', 'list')).toMatchObject({ code: 0, out: 'Nothing is taken from any system.' })
    await writeFile(join(root, 'dam.json'), JSON.stringify(SOURCE))
    expect(await matrix('sources', 'put', 'dam', 'dam.json', '--validate-only')).toMatchObject({ code: 0, out: line })
    expect((await matrix('sources', 'list')).out).toBe('Nothing is taken from any system.')
    expect(await matrix('sources', 'put', 'dam', 'dam.json')).toMatchObject({ code: 0, out: line })
    expect((await matrix('sources', 'list')).out).toBe(line)
    expect((await matrix('--json', 'sources', 'show', 'dam')).out).not.toContain(SECRET)
    await writeFile(join(root, 'wrong.json'), JSON.stringify({ ...SOURCE, trust: 9 }))
    expect(await matrix('sources', 'put', 'wrong', 'wrong.json')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^contract-violation: [\s\S]*\/trust/),
    })
    expect((await matrix('sources', 'put', 'wrong', 'missing.json')).code).toBe(2)
  })

  test('tell what became of each item, and try again what was given up', async () => {
    await tell(eventOf('1', await serve('/one.jpg')))
    const sent = await tell(eventOf('2', 'http://10.0.0.1/two.jpg'))
    await until('one is made', async () => / {2}DONE {2}sku-1 {2}[0-9a-f-]{36} v1$/.test(await items('DONE')), {
      withinMs: 30_000,
    })
    const dead = await until(
      'the other is given up',
      async () => / ([0-9a-f-]{36})\/0 {2}DEAD {2}sku-2 {2}url-forbidden after 1 try$/.exec(await items('DEAD')),
      { withinMs: 30_000 },
    )
    const [, event = ''] = dead as RegExpExecArray
    expect((await matrix('sources', 'payload', 'dam', event)).out).toBe(sent)
    const kept = ['sources', 'payload', 'dam', event, '--file', 'payload.json']
    expect((await matrix(...kept)).code).toBe(0)
    expect(await readFile(join(root, 'payload.json'), 'utf8')).toBe(sent)
    expect((await matrix(...kept)).code).not.toBe(0)
    expect(await matrix('sources', 'redrive', 'dam')).toMatchObject({ code: 0, out: '1 are tried again' })
    expect((await matrix('sources', 'items', 'dam', '--all')).out.split('\n')).toHaveLength(2)
  })

  test('are deleted', async () => {
    expect(await matrix('sources', 'delete', 'dam')).toMatchObject({ code: 0, out: 'Nothing more is taken from dam' })
    expect(await matrix('sources', 'delete', 'dam')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^not-found/),
    })
  })
})

test('versions are listed, compared and discarded', async () => {
  await writeFile(join(root, 'first.jpg'), await photo({ width: 90, height: 60 }))
  await writeFile(join(root, 'second.jpg'), await photo({ width: 60, height: 90 }))
  const { asset } = await done<{ asset: string }>('upload', 'first.jpg')
  await done('upload', 'second.jpg', '--asset', asset, '--publish', 'manual')
  expect((await matrix('versions', 'list', asset)).out.split('\n')).toEqual([
    expect.stringMatching(/^2 {2}READY {2}\S+Z {2}second\.jpg$/),
    expect.stringMatching(/^1 {2}ACTIVE {2}\S+Z {2}first\.jpg$/),
  ])
  expect((await matrix('versions', 'list', asset, '--state', 'READY')).out).toMatch(/^2 {2}READY[^\n]*$/)
  const compared = (await matrix('versions', 'compare', asset, '2')).out
  expect(compared).toMatch(/^2 and 1 are different bytes\n/)
  expect(compared).toMatch(/^ {2}width: 90 -> 60$/m)
  expect((await matrix('versions', 'compare', asset, '2', '--with', '2')).out).toMatch(/^2 and 2 are the same bytes$/)
  expect((await matrix('versions', 'compare', asset, 'two')).code).toBe(2)
  expect(await matrix('versions', 'discard', asset, '1')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^conflict/),
  })
  expect(await matrix('versions', 'discard', asset, '2')).toMatchObject({
    code: 0,
    out: expect.stringContaining('SUCCEEDED'),
  })
  expect((await matrix('versions', 'list', asset)).out).toMatch(/^2 {2}PURGED/)
})

test('what bytes say of themselves, and what crops keep in sight', async () => {
  const jpeg = withBlocks(await photo({ width: 120, height: 80 }), {
    xmp: packet('<photoshop:Headline>A shoe</photoshop:Headline>'),
  })
  await writeFile(join(root, 'telling.jpg'), jpeg)
  const { asset } = await done<{ asset: string }>('upload', 'telling.jpg')
  expect((await matrix('metadata', asset)).out).toMatch(/^headline {2}A shoe {2}\(xmp\)$/m)
  expect(await matrix('metadata', asset, '--of', '1', '--block', 'xmp', '-o', 'block.xmp')).toMatchObject({
    code: 0,
    out: '',
  })
  expect(jpeg.includes(await readFile(join(root, 'block.xmp')))).toBe(true)
  expect(await matrix('metadata', asset, '--block', 'iptc')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^not-found/),
  })

  expect((await matrix('focus', asset)).out).toMatch(/^nothing is said/)
  expect((await matrix('focus', asset, '0.25,0.5')).out).toMatch(/^0.25,0.5$/m)
  expect((await matrix('focus', asset, '1,0', '--product', 'shop-web')).out).toMatch(/^0.25,0.5\nshop-web {2}1,0$/m)
  expect((await matrix('focus', asset, '--clear')).out).toMatch(/^nothing is said[^\n]*\nshop-web {2}1,0$/m)
  for (const wrong of [['1.5,0'], ['0.5'], ['0,0', '--clear'], ['--product', 'shop-web']])
    expect((await matrix('focus', asset, ...wrong)).code).toBe(2)
})

test('what is held is not erased, until it is lifted', async () => {
  await writeFile(join(root, 'held.txt'), 'held')
  const { asset } = await done<{ asset: string }>('put', 'held.txt')
  const line = expect.stringMatching(new RegExp(`^${asset} {2}case-7 {2}since \\S+Z {2}Case 7$`))
  expect(await matrix('holds', 'set', asset, 'case-7', '--reason', 'Case 7')).toMatchObject({ code: 0, out: line })
  expect((await matrix('holds', 'list')).out).toEqual(line)
  expect((await matrix('holds', 'list', asset)).out).toEqual(line)
  expect(await matrix('erase', asset, '-r', 'gone')).toMatchObject({ code: 1, err: expect.stringMatching(/^held: /) })
  expect((await matrix('holds', 'lift', asset, 'case-7')).out).toBe(`${asset} is not held by case-7 any more`)
  expect((await matrix('holds', 'list')).out).toBe('')
  expect((await matrix('erase', asset, '-r', 'gone')).code).toBe(0)
})
