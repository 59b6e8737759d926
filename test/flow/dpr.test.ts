/** Renditions for screens with more pixels: by URL, in the API, and what else in the system meets them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Resolution {
  readonly rendition: string
  readonly dpr?: number
  readonly revision: number
  readonly node: string
  readonly width: number
  readonly height: number
  readonly shared_with: number
}

let system: System
let send: Send
let asset: string
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  asset = (await system.upload(await photo({ width: 1700, height: 900 }))).asset
  await settled(system)
})
afterAll(() => system.close())

const resolve = (rendition: string, parameters = '', product: 'shop-web' | 'mobile' | 'partner-api' = 'shop-web') =>
  expectJson<Resolution>(
    send('GET', `/v1/products/${product}/assets/${asset}/renditions/${rendition}?wait=20${parameters}`, {
      key: system.keys[product],
      headers: { Accept: 'application/json' },
    }),
    200,
  )
const open = (file: string, headers: Record<string, string> = {}) =>
  send('GET', `/i/shop-web/${asset}/v1/${file}`, {
    key: system.keys['shop-web'],
    headers: { Prefer: 'wait=20', ...headers },
  })
const putRendition = (name: string, recipe: object, options = {}) =>
  send('PUT', `/v1/collections/product-photo/products/shop-web/renditions/${name}`, {
    key: ADMIN_KEY,
    body: { recipe, ...options },
  })

describe('by name', () => {
  test('a variant is larger, of the same revision, and made when somebody asks', async () => {
    // Its placeholder arrives with its metadata, which would come between two answers.
    await expect.poll(() => resolve('card'), { timeout: 20_000 }).toHaveProperty('placeholder')
    const [plain, twice] = [await resolve('card'), await resolve('card', '&dpr=2')]
    expect([plain.width, twice.width]).toEqual([400, 800])
    expect(twice).toMatchObject({ rendition: 'card', dpr: 2, revision: plain.revision })
    expect(plain).not.toHaveProperty('dpr')
    expect(await resolve('card', '&dpr=1')).toEqual(plain)
    expect((await resolve('card', '&dpr=1.5')).width).toBe(600)
  })

  test('what comes to the same pixels is one node, whoever calls it what', async () => {
    const [feed, twice] = [await resolve('feed', '', 'partner-api'), await resolve('card', '&dpr=2')]
    expect(twice.node).toBe(feed.node)
    expect(twice.shared_with).toBeGreaterThan(0)
    expect(await query(system.core, 'select 1 from node where executions > 1')).toEqual([])
  })

  test('never larger than the original', async () => {
    expect((await resolve('hero', '&dpr=3')).width).toBe(1700)
  })

  test('in a path, where it is one more name of the bytes', async () => {
    const response = await open('card@2x.jpg')
    expect(response.status).toBe(302)
    const warm = await open('card@2x.jpg')
    expect(warm.status).toBe(302)
    const sizes = await query<{ rendition: string; width: number }>(
      system.core,
      `select l.rendition, d.width from leaf l join node n on n.node_id = l.node_id join derivative d on d.sha256 = n.output
       where l.product_id = 'shop-web' and l.rendition like 'card%' order by 1`,
    )
    expect(sizes).toEqual([
      { rendition: 'card', width: 400 },
      { rendition: 'card@1.5x', width: 600 },
      { rendition: 'card@2x', width: 800 },
    ])
  })

  test('others are refused', async () => {
    const path = `/v1/products/shop-web/assets/${asset}/renditions`
    const key = system.keys['shop-web']
    for (const dpr of ['4', '0', '-2', '2.0', '02', '', 'x'])
      await expectRefusal(send('GET', `${path}/card?dpr=${dpr}`, { key }), 400, 'invalid-request')
    await expectRefusal(send('GET', `${path}/original?dpr=2`, { key }), 400, 'invalid-request')
    await expectRefusal(open('card@4x.jpg'), 400, 'invalid-request')
    await expectRefusal(open('nothing@2x.jpg'), 404, 'not-found')
  })

  test('an explanation is of the variant', async () => {
    const path = `/v1/products/shop-web/assets/${asset}/renditions/card?explain=1&dpr=3`
    const { text, outcome } = await expectJson<{ text: string; outcome: string }>(
      send('GET', path, { key: system.keys['shop-web'] }),
      200,
    )
    expect(text).toContain('shop-web/card@3x')
    // Nobody has asked for it under this name; mobile/hero has had the same pixels made.
    expect(outcome).toBe('ready: jpeg')
    expect(await query(system.core, `select 1 from leaf where rendition = 'card@3x'`)).toEqual([])
  })
})

describe('spellings', () => {
  test.each([
    ['card.jpeg', 'card.jpg'],
    ['card@1x.jpg', 'card.jpg'],
    ['card@2.0x.jpeg/Shoe', 'card@2x.jpg/Shoe'],
    ['card%402x.jpg', 'card@2x.jpg'],
    ['nothing.jpeg', 'nothing.jpg'],
  ])('%s is sent on to %s, which reveals nothing', async (sent, canonical) => {
    for (const key of [system.keys['shop-web'], undefined, system.keys.mobile]) {
      const response = await send('GET', `/i/shop-web/${asset}/v1/${sent}`, { key })
      expect(response.status).toBe(308)
      expect(response.headers.get('location')).toBe(`/i/shop-web/${asset}/v1/${canonical}`)
      expect(response.headers.get('cache-control')).toBe('public, max-age=86400')
    }
  })

  test('of a version, and with the name of a download', async () => {
    const response = await send('GET', `/i/shop-web/${asset}/v01/original?dl=a%20b.jpg`)
    expect(response.headers.get('location')).toBe(`/i/shop-web/${asset}/v1/original?dl=a%20b.jpg`)
  })

  test('a name for readers changes nothing, whatever it is', async () => {
    const answers = await Promise.all(['card.jpg', 'card.jpg/red-shoe.jpg', 'card.jpg/blue'].map(file => open(file)))
    expect(answers.map(({ status }) => status)).toEqual([302, 302, 302])
    expect(new Set(answers.map(({ headers }) => headers.get('location'))).size).toBe(1)
    expect(new Set(answers.map(({ headers }) => headers.get('cache-tag'))).size).toBe(1)
    await expectRefusal(open('card.jpg/a/b'), 400, 'invalid-request')
    await expectRefusal(open('card.jpg/'), 400, 'invalid-request')
  })
})

describe('beside the rendition', () => {
  test('no publish waits for it, and completeness does not count it', async () => {
    const before = await expectJson<object>(
      send('GET', `/v1/assets/${asset}/versions/1/completeness`, { key: ADMIN_KEY }),
      200,
    )
    await resolve('hero', '&dpr=1.5')
    const after = await expectJson<object>(
      send('GET', `/v1/assets/${asset}/versions/1/completeness`, { key: ADMIN_KEY }),
      200,
    )
    expect(after).toEqual(before)
    const waited = await query(system.core, `select 1 from leaf where rendition like '%@%' and (required or eager)`)
    expect(waited).toEqual([])
  })

  test('a new revision leaves the old variants unasked', async () => {
    await expectJson(putRendition('banner', { resize: { width: 300 }, formats: ['jpeg'] }), 201)
    expect((await resolve('banner', '&dpr=2')).width).toBe(600)
    await expectJson(putRendition('banner', { resize: { width: 350 }, formats: ['jpeg'] }), 201)
    const now = await resolve('banner', '&dpr=2')
    expect(now).toMatchObject({ width: 700, revision: 2 })
    const response = await open('banner@2x.jpg')
    expect(response.status).toBe(302)
    const bytes = await fetch(response.headers.get('location') ?? '')
    expect(bytes.status).toBe(200)
    expect(await query(system.core, `select revision from leaf where rendition = 'banner@2x' order by 1`)).toEqual([
      { revision: 1 },
      { revision: 2 },
    ])
  })

  test('a link that shows the rendition shows it on every screen', async () => {
    const admin = { key: ADMIN_KEY, body: { product: 'shop-web', renditions: ['card'] } }
    const { links } = await expectJson<{ links: { url: string }[] }>(
      send('POST', `/v1/assets/${asset}/shares`, admin),
      201,
    )
    const token = /\/share\/[0-9A-Za-z]{32}/.exec(links[0]?.url ?? '')?.[0]
    const shown = (file: string) => send('GET', `${token}/i/shop-web/${asset}/v1/${file}`)
    expect((await shown('card@2x.jpg')).status).toBe(302)
    await expectRefusal(shown('hero@2x.jpg'), 404, 'not-found')
    expect((await shown('card@1x.jpg')).headers.get('location')).toBe(`${token}/i/shop-web/${asset}/v1/card.jpg`)
  })
})
