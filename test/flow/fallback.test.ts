/** What a page shows while the picture is being made: something, always a picture, never kept, and never what the caller may not have. */
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signUrl } from '../../src/sdk/index.ts'
import { openWorker } from '../../src/worker.ts'
import { expectJson, expectRefusal, looked, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { quadrants, truncated } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

/** As browsers ask for an <img>. */
const IMG = { Accept: 'image/avif,image/webp,image/apng,*/*;q=0.8', Prefer: 'wait=0' }
let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
/** 400 x 300; `small` (60) and `medium` (240) are there, `late` (200) is nobody's work. */
let asset: string
const keys: Record<string, string> = {}

const admin = (method: string, path: string, body?: object) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }) })
const rendition = (product: string, name: string, recipe: object, more: object = {}) =>
  expectJson(
    send('PUT', `/v1/collections/pics/products/${product}/renditions/${name}`, {
      key: ADMIN_KEY,
      body: { recipe, ...more },
    }),
    201,
  )
const late = (product: string, name: string, width: number, formats = ['webp', 'jpeg']) =>
  rendition(product, name, { resize: { width }, formats }, { lane: 'lazy' })
const picture = async (): Promise<Buffer> =>
  Buffer.concat([
    await quadrants({ width: 400, height: 300 }).jpeg({ quality: 95 }).toBuffer(),
    Buffer.from(crypto.randomUUID()),
  ])
const upload = (path: string, body: Buffer) =>
  expectJson<{ asset: string }>(send('POST', path, { key: keys.open, body: new Uint8Array(body) }), 201)
const create = async (publish = 'when-ready'): Promise<string> =>
  (await upload(`/v1/assets?collection=pics&publish=${publish}`, await picture())).asset
const replace = async (id: string): Promise<void> =>
  void (await upload(`/v1/assets/${id}/versions?publish=now`, await picture()))

/** Everything that waits is made, and then nothing more. */
const work = async (): Promise<void> => {
  const worker = await openWorker(system.core)
  await settled({ ...system, worker })
  await worker.drain()
}

const img = (
  file: string,
  { product = 'open', version = 'v1', id = asset, headers = {} as Record<string, string>, method = 'GET' } = {},
) => send(method, `/i/${product}/${id}/${version}/${file}`, { headers: { ...IMG, ...headers } })

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())
const sizeOf = async (response: Response) => {
  const { format, width, height } = await sharp(await bytesOf(response)).metadata()
  return { format, width, height }
}

/** Nobody between may take it for the real thing, now or later. */
const expectNotKept = ({ headers }: Response): void => {
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('cdn-cache-control')).toBe('no-store')
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  for (const name of ['etag', 'last-modified', 'expires', 'age', 'accept-ranges', 'set-cookie'])
    expect(headers.get(name), name).toBeNull()
}

const expectFallback = (response: Response, named: string, status = 200): void => {
  expect(response.headers.get('matrix-fallback')).toBe(named)
  expect(response.status).toBe(status)
  expectNotKept(response)
}

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WORKERS: '1', POLL_MS: '50' } })
  send = await openClient(system)
  socket = await openSocketClient(system)
  for (const product of ['open', 'closed']) {
    await expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product }), 201)
    keys[product] = (
      await expectJson<{ secret: string }>(
        send('POST', `/v1/products/${product}/keys`, { key: ADMIN_KEY, body: {} }),
        201,
      )
    ).secret
  }
  await expectJson(send('PUT', '/v1/collections/pics', { key: ADMIN_KEY, body: { owner: 'open' } }), 201)
  const open = { role: 'owner', delivery: 'stream', visibility: 'public', original_access: true }
  await expectJson(admin('PUT', '/v1/collections/pics/grants/open', open), 200)
  const closed = { role: 'editor', delivery: 'redirect' }
  await expectJson(send('PUT', '/v1/collections/pics/grants/closed', { key: ADMIN_KEY, body: closed }), 201)
  for (const product of ['open', 'closed']) {
    for (const [name, width] of [
      ['small', 60],
      ['medium', 240],
    ] as const)
      await rendition(product, name, { resize: { width }, formats: ['webp', 'jpeg'] })
  }
  await rendition('open', 'pair', { resize: { width: 120 }, formats: ['webp', 'jpeg', 'png'] })
  asset = await create()
  await work()
  await looked(system, asset)
  for (const product of ['open', 'closed']) await late(product, 'late', 200)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

// What works comes first: what the others ask for would be made, and is not to be.
test('what can never be made stays a broken picture, and says why', async () => {
  const { asset: id } = await upload('/v1/assets?collection=pics&publish=now', truncated(await picture()))
  await work()
  const response = await img('small.webp', { id })
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('matrix-fallback')).toBeNull()
  await expectRefusal(response, 424, 'rendition-failed')
})

describe('a program that allows it', () => {
  const stale = (query: string, options: { id?: string; headers?: Record<string, string> } = {}) =>
    send('GET', `/v1/products/open/assets/${options.id ?? asset}/renditions/small?${query}`, {
      key: keys.open,
      headers: { Accept: 'application/json', ...options.headers },
    })

  test('is given the version before, and told so', async () => {
    const id = await create()
    await work()
    await replace(id)
    const response = await stale('fallback=previous', { id })
    expectFallback(response, 'previous; version=1')
    const document = await expectJson<{ delivery: { url: string } }>(response, 200)
    expect(document).toMatchObject({
      state: 'stale',
      stale_reason: 'pending',
      version: 1,
      retry_after: 1,
      delivery: { cacheable: false },
    })
    expect((await fetch(document.delivery.url)).status).toBe(200)
    expectFallback(await stale('fallback=previous&delivery=redirect', { id }), 'previous; version=1', 302)
    expectFallback(await stale('fallback=previous&delivery=stream', { id }), 'previous; version=1')
    expectFallback(await stale('version=2', { id, headers: { Prefer: 'fallback=previous' } }), 'previous; version=1')
    expect(await expectJson(stale('fallback=none', { id }), 202)).toMatchObject({ state: 'pending', version: 2 })
    expect(await expectJson(stale('', { id }), 202)).toMatchObject({ state: 'pending', version: 2 })

    const explained = await expectJson<{ steps: { step: string }[] }>(stale('fallback=previous&explain=1', { id }), 200)
    expect(explained).toMatchObject({ outcome: 'stale: webp', status: 200 })
    expect(explained.steps.at(-1)).toMatchObject({ step: 'fallback', result: { version: 1 } })

    await work()
    const ready = await stale('fallback=previous', { id })
    expect(ready.headers.get('matrix-fallback')).toBeNull()
    expect(await expectJson(ready, 200)).toMatchObject({ state: 'ready', version: 2 })
  })

  test('hears that it is pending where there was none', async () => {
    const id = await create('now')
    expect(await expectJson(stale('fallback=previous', { id }), 202)).toMatchObject({ state: 'pending' })
    expect(await expectJson(stale('fallback=previous&explain=1', { id }), 200)).toMatchObject({ outcome: 'pending' })
    await expectRefusal(stale('fallback=nearest', { id }), 400, 'invalid-request')
  })

  test('is not given by a recipe that was changed since', async () => {
    await rendition('open', 'marked', { resize: { width: 50 }, formats: ['jpeg'] })
    const id = await create()
    await work()
    await rendition('open', 'marked', { resize: { width: 50 }, blur: 3, formats: ['jpeg'] })
    expectFallback(await img('marked.jpg', { id }), 'nearest; rendition="small"; format="webp"')
    await replace(id)
    const path = `/v1/products/open/assets/${id}/renditions/marked?fallback=previous&delivery=json`
    expect(await expectJson(send('GET', path, { key: keys.open }), 202)).toMatchObject({ state: 'pending' })
  })
})

describe('where something else is current', () => {
  test('an earlier version only where that was asked for', async () => {
    const id = await create()
    await work()
    await replace(id)
    const now = (prefer: string) => img('small.webp', { id, version: 'current', headers: { Prefer: prefer } })
    expectFallback(await now('wait=0'), 'placeholder')
    expectFallback(await now('wait=0, fallback=previous'), 'previous; version=1')
    const before = { id, version: 'v2', headers: { Prefer: 'wait=0, fallback=previous' } }
    expectFallback(await img('late.webp', before), 'placeholder')
    expect((await now('fallback=none; wait=0')).status).toBe(202)
    await expectRefusal(now('fallback=original'), 400, 'invalid-request')
  })
})

describe('a page is shown', () => {
  test.each(['in process', 'through a socket'])('another rendition of the product, closest in size, %s', async way => {
    const path = `/i/open/${asset}/v1/late.webp`
    const response = await (way === 'in process' ? send : socket.send)('GET', path, { headers: IMG })
    expectFallback(response, 'nearest; rendition="medium"; format="webp"')
    expect(response.headers.get('content-type')).toBe('image/webp')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await sizeOf(response)).toEqual({ format: 'webp', width: 240, height: 180 })
    await late('open', `tiny-${way === 'in process' ? 1 : 2}`, 64)
    expectFallback(
      await img(`tiny-${way === 'in process' ? 1 : 2}.jpg`, { headers: { Accept: 'image/jpeg' } }),
      'nearest; rendition="small"; format="jpeg"',
    )
  })

  test('another format of the rendition before any other rendition', async () => {
    const evict = `update node set state = 'EVICTED', output = null where node_id in (
                     select node_id from leaf where asset_id = $1 and product_id = 'open' and rendition = 'pair' and format = 'png')`
    await system.core.database.rows({ name: 'test_evict', text: evict }, [asset])
    expectFallback(await img('pair.png'), 'nearest; rendition="pair"; format="webp"')
    expectFallback(
      await img('pair.png', { headers: { Accept: 'image/jpeg' } }),
      'nearest; rendition="pair"; format="jpeg"',
    )
  })

  test('on a screen with more pixels, the one for others', async () => {
    expectFallback(await img('medium@2x.webp'), 'nearest; rendition="medium"; format="webp"')
  })

  test('a few pixels of how the original looks, in its proportions', async () => {
    const body = await picture()
    const { asset: id } = await upload('/v1/assets?collection=pics&publish=now', body)
    const before = await img('late.webp', { id })
    expectFallback(before, 'placeholder')
    expect(before.headers.get('content-type')).toBe('image/png')
    const unseen = await sharp(await bytesOf(before))
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect(unseen.info).toMatchObject({ width: 32, height: 24, channels: 4 })
    expect(unseen.data.every(value => value === 0)).toBe(true)

    const look = await looksLike()
    const put = `insert into original_look (tenant_id, sha256, thumbhash, colour, made_at)
                 select tenant_id, sha256, decode($2, 'base64'), $3, now() from asset_version where asset_id = $1
                 on conflict (tenant_id, sha256) do update set thumbhash = excluded.thumbhash, colour = excluded.colour, made_at = now()`
    await system.core.database.rows({ name: 'test_look', text: put }, [id, look.thumbhash, look.colour])
    const after = await img('late.webp', { id })
    expectFallback(after, 'placeholder')
    const { data, info } = await sharp(await bytesOf(after))
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 32, height: 24, channels: 4 })
    const at = (x: number, y: number) => [...data.subarray((y * 32 + x) * 4, (y * 32 + x) * 4 + 3)]
    const [red, green, blue] = [at(4, 4), at(28, 4), at(4, 20)]
    expect(red[0]).toBeGreaterThan(Math.max(red[1] ?? 255, red[2] ?? 255))
    expect(green[1]).toBeGreaterThan(Math.max(green[0] ?? 255, green[2] ?? 255))
    expect(blue[2]).toBeGreaterThan(Math.max(blue[0] ?? 255, blue[1] ?? 255))
  })

  test('nothing of what has not been published', async () => {
    const id = await create()
    const response = await img('small.webp', { id, version: 'current' })
    expectFallback(response, 'placeholder')
    expect(await sizeOf(response)).toEqual({ format: 'png', width: 1, height: 1 })
  })

  test('the same by HEAD, without its bytes, and whole whatever part is asked for', async () => {
    const whole = await img('late.webp')
    for (const id of [asset, await create('now')]) {
      const head = await img('late.webp', { id, method: 'HEAD' })
      expectFallback(head, id === asset ? 'nearest; rendition="medium"; format="webp"' : 'placeholder')
      expect(await head.text()).toBe('')
    }
    const length = (await bytesOf(whole)).length
    const headers = { Range: 'bytes=0-9', 'If-None-Match': '*' }
    const part = await img('late.webp', { headers })
    expectFallback(part, 'nearest; rendition="medium"; format="webp"')
    expect((await bytesOf(part)).length).toBe(length)
  })
})

/** Of the same picture, made by the workers. */
const looksLike = async (): Promise<{ thumbhash: string; colour: string }> => {
  const path = `/v1/products/open/assets/${asset}/renditions/small`
  const { placeholder } = await expectJson<{ placeholder: { thumbhash: string; colour: string } }>(
    send('GET', path, { key: keys.open, headers: { Accept: 'application/json' } }),
    200,
  )
  return placeholder
}

describe('who asks', () => {
  test.each([
    ['a program', { Accept: '*/*' }],
    ['a program that says nothing', { Accept: '' }],
    ['a program that takes documents', { Accept: 'application/json, image/webp' }],
    ['a person who opens the URL', { Accept: 'text/html,image/avif,image/webp,*/*;q=0.8' }],
    ['a script of a page', { ...IMG, 'Sec-Fetch-Dest': 'empty' }],
  ])('%s hears that it is pending', async (_who, headers) => {
    const response = await send('GET', `/i/open/${asset}/v1/late.webp`, { headers: { ...headers, Prefer: 'wait=0' } })
    expect(response.headers.get('matrix-fallback')).toBeNull()
    expect(await expectJson(response, 202)).toMatchObject({ state: 'pending' })
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('a page that says so is shown something whatever it accepts', async () => {
    const response = await img('late.webp', { headers: { Accept: '*/*', 'Sec-Fetch-Dest': 'image' } })
    expectFallback(response, 'nearest; rendition="medium"; format="jpeg"')
  })

  test('where the edge redirects, it is a redirect that nobody keeps', async () => {
    const path = `/i/closed/${asset}/v1/late.webp`
    const response = await send('GET', path, { key: keys.closed, headers: IMG })
    expectFallback(response, 'nearest; rendition="medium"; format="webp"', 302)
    const bytes = await fetch(response.headers.get('location') ?? '')
    expect(await sizeOf(bytes)).toEqual({ format: 'webp', width: 240, height: 180 })
  })

  test('with a link for one rendition, nobody is shown another', async () => {
    const key = await expectJson<{ kid: string; secret: string }>(
      send('POST', '/v1/products/closed/signing-keys', { key: ADMIN_KEY, body: {} }),
      201,
    )
    const path = `/i/closed/${asset}/v1/late.webp`
    for (const inPath of [true, false]) {
      const response = await send('GET', signUrl({ path, ...key, inPath }), { headers: IMG })
      expectFallback(response, 'placeholder')
    }
    const shared = await expectJson<{ token: string }>(
      send('POST', `/v1/assets/${asset}/shares`, { key: keys.closed, body: {} }),
      201,
    )
    expectFallback(await send('GET', `/share/${shared.token}${path}`, { headers: IMG }), 'placeholder')
  })

  test('who may not see it is shown nothing', async () => {
    await expectRefusal(img('late.webp', { product: 'closed' }), 404, 'not-found')
    await expectRefusal(img('nothing.webp'), 404, 'not-found')
    await expectRefusal(
      send('GET', `/i/closed/${asset}/v1/late.webp`, { headers: { ...IMG, Authorization: 'Bearer x' } }),
      401,
      'unauthenticated',
    )
  })
})
