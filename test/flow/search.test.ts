/** Assets found by what they are: each filter, orders and pages, and that nobody finds, counts or feels what he may not see. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readMigrations } from '../../src/manifest/migrate.ts'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Item {
  readonly id: string
  readonly collection: string
  readonly labels: readonly string[]
  readonly attributes: Record<string, unknown>
  readonly updated_at: string
  readonly created_at: string
}
interface Page {
  readonly items: readonly Item[]
  readonly next_cursor?: string
}

let system: System
let send: Send
let key = ''
/** Names of assets by their ids. */
const names = new Map<string, string>()
const ids = new Map<string, string>()

const admin = (method: string, path: string, body?: object) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }) })
const keyOf = async (product: string): Promise<string> => {
  await admin('PUT', `/v1/products/${product}`, { display_name: product })
  const body = { label: product, scopes: ['assets:read', 'assets:write'] }
  return (await expectJson<{ secret: string }>(admin('POST', `/v1/products/${product}/keys`, body), 201)).secret
}
const add = async (
  name: string,
  params: Record<string, string>,
  bytes: Uint8Array | string = `text ${randomUUID()}`,
) => {
  const search = new URLSearchParams({ collection: 'wares', ...params })
  const { asset } = await expectJson<{ asset: string }>(send('POST', `/v1/assets?${search}`, { key, body: bytes }), 201)
  names.set(asset, name)
  ids.set(name, asset)
  return asset
}
const read = (search: string, by = key) => send('GET', `/v1/assets?${search}`, { key: by })
const page = (search: string, by = key) => expectJson<Page>(read(search, by), 200)
const found = async (search: string, by = key): Promise<string[]> =>
  (await page(search, by)).items.map(({ id }) => names.get(id) ?? id)
const of = (filters: Record<string, string>) => new URLSearchParams({ collection: 'wares', ...filters }).toString()
const walk = async (search: string, by = key, from = ''): Promise<string[]> => {
  const all: string[] = []
  for (let cursor = from; ; ) {
    const { items, next_cursor: next } = await page(`${search}${cursor}`, by)
    all.push(...items.map(({ id }) => names.get(id) ?? id))
    if (next === undefined) return all
    cursor = `&cursor=${next}`
  }
}
const patch = (name: string, body: object) =>
  expectJson(send('PATCH', `/v1/assets/${ids.get(name)}`, { key, body, headers: { 'If-Match': '*' } }), 200)

beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  key = system.keys['shop-web']
  for (const name of ['wares', 'papers']) await admin('PUT', `/v1/collections/${name}`, { owner: 'shop-web' })
  const said = (attributes: object) => JSON.stringify(attributes)
  await add(
    'shoe',
    {
      alias: 'sku:1',
      filename: 'Red-Shoe_01.jpg',
      labels: 'red,new',
      attributes: said({ price: 9.5, seo: { title: 'A shoe' }, sizes: [38, 39], shot: '2024-05-01', sold: false }),
    },
    await photo({ width: 400, height: 200 }),
  )
  await add('boot', {
    alias: 'sku:2',
    filename: 'boot.txt',
    labels: 'red',
    attributes: said({
      price: 120,
      seo: { title: 'A boot' },
      sizes: [39],
      shot: '2024-06-01',
      title: 'Winterstiefel für Ärzte',
    }),
  })
  await add('hat', {
    alias: 'hat-1',
    labels: 'new',
    attributes: said({ price: '9.5', shot: '2023-12-31', sold: null }),
  })
  await add('draft', { publish: 'manual', labels: 'red', filename: 'secret-plan.txt', attributes: said({ price: 0 }) })
  await add('paper', { collection: 'papers', labels: 'red', attributes: said({ price: -1 }) })
})
afterAll(() => system.close())

describe('filters', () => {
  test.each<[Record<string, string>, string[]]>([
    [{ labels: 'red' }, ['shoe', 'boot', 'draft']],
    [{ labels: 'red,new' }, ['shoe']],
    [{ labels: 're' }, []],
    [{ attribute: 'price=9.5' }, ['shoe']],
    [{ attribute: 'price="9.5"' }, ['hat']],
    [{ attribute: 'price>=9.5' }, ['shoe', 'boot']],
    [{ attribute: 'price>9.5' }, ['boot']],
    [{ attribute: 'price<120' }, ['shoe', 'draft']],
    [{ attribute: 'price<=120' }, ['shoe', 'boot', 'draft']],
    [{ attribute: 'price<0' }, []],
    [{ attribute: 'price<=0' }, ['draft']],
    [{ attribute: 'price>-1' }, ['shoe', 'boot', 'draft']],
    [{ attribute: 'seo.title=A shoe' }, ['shoe']],
    [{ attribute: 'seo.title' }, ['shoe', 'boot']],
    [{ attribute: 'seo' }, ['shoe', 'boot']],
    [{ attribute: 'sizes=39' }, ['shoe', 'boot']],
    [{ attribute: 'sizes=38' }, ['shoe']],
    [{ attribute: 'shot<2024-05-01' }, ['hat']],
    [{ attribute: 'shot<=2024-05-01' }, ['shoe', 'hat']],
    [{ attribute: 'shot>2024-05-01' }, ['boot']],
    [{ attribute: 'sold=false' }, ['shoe']],
    [{ attribute: 'sold=null' }, ['hat']],
    [{ attribute: 'sold' }, ['shoe', 'hat']],
    [{ attribute: 'none' }, []],
    [{ alias_prefix: 'sku:' }, ['shoe', 'boot']],
    [{ alias_prefix: 'sku:2' }, ['boot']],
    [{ alias_prefix: '%' }, []],
    [{ text: 'shoe' }, ['shoe']],
    [{ text: 'SHO re' }, ['shoe']],
    [{ text: 'oe' }, []],
    [{ text: 'winter ÄRZ' }, ['boot']],
    [{ text: 'sku' }, ['shoe', 'boot']],
    // Of what has not been shown nobody finds the name.
    [{ text: 'secret' }, []],
    [{ state: 'PENDING' }, ['draft']],
    [{ state: 'DRAFT,ACTIVE', labels: 'red' }, ['shoe', 'boot', 'draft']],
    [{ state: 'ACTIVE', labels: 'red' }, ['shoe', 'boot']],
    [{ state: 'ARCHIVED,PENDING' }, ['draft']],
    [{ media_type: 'image/*' }, ['shoe']],
    [{ media_type: 'text/plain,image/png' }, ['boot', 'hat']],
    [{ min_width: '400', max_height: '200' }, ['shoe']],
    [{ min_width: '401' }, []],
    [{ min_bytes: '1', max_bytes: '100' }, ['boot', 'hat']],
    [{ owner: 'shop-web', labels: 'new' }, ['shoe', 'hat']],
    [{ owner: 'mobile' }, []],
    [{ created_after: '2100-01-01T00:00:00Z' }, []],
    [{ created_before: '2100-01-01T00:00:00Z', labels: 'new' }, ['shoe', 'hat']],
    [{ updated_after: '2100-01-01T00:00:00Z' }, []],
  ])('%j', async (filters, expected) => {
    expect(await found(of(filters))).toEqual(expected)
    expect(await found(of({ ...filters, sort: '-created' }))).toEqual(expected.toReversed())
  })

  test('of several attributes all are asked for', async () => {
    expect(await found('collection=wares&attribute=price%3E5&attribute=sizes%3D39&attribute=price%3C100')).toEqual([
      'shoe',
    ])
  })

  test('orientation is undone, and long text is compared whole', async () => {
    await add('turned', {}, await photo({ width: 60, height: 20, orientation: 6 }))
    expect(await found(of({ max_width: '20' }))).toEqual(['turned'])
    const text = 'x'.repeat(300)
    await add('long', { attributes: JSON.stringify({ long: text }) })
    expect(await found(of({ attribute: `long=${text}` }))).toEqual(['long'])
    expect(await found(of({ attribute: `long=${text}y` }))).toEqual([])
  })

  test('a change is found at once, and what it was is not any more', async () => {
    await add('changing', { labels: 'before', attributes: '{"season":"spring"}' })
    await patch('changing', { labels: ['after'], attributes: { season: 'autumn' } })
    expect(await found(of({ labels: 'before' }))).toEqual([])
    expect(await found(of({ labels: 'after', attribute: 'season=autumn' }))).toEqual(['changing'])
    const path = `/v1/assets/${ids.get('changing')}`
    const headers = { 'If-Match': '*' }
    await expectJson(send('POST', `${path}/archive`, { key, headers }), 200)
    expect(await found(of({ labels: 'after', state: 'ARCHIVED' }))).toEqual(['changing'])
    expect((await send('DELETE', path, { key, headers })).status).toBe(204)
    expect(await found(of({ labels: 'after' }))).toEqual([])
    expect(await query(system.core, 'select 1 from asset_term where asset_id = $1', [ids.get('changing')])).toEqual([])
  })

  test.each([
    'state=DONE',
    'labels=A',
    'attribute=%3D1',
    'attribute=price%3E',
    'attribute=a..b%3D1',
    'attribute=labels%3Dred',
    'attribute=sold%3Etrue',
    'attribute=a%3D%7B%7D',
    `attribute=${'a'.repeat(501)}`,
    `${'attribute=a&'.repeat(11)}limit=1`,
    'text=!!',
    'text=a+b+c+d+e+f+g+h+i',
    'text=%00',
    'media_type=jpeg',
    'min_width=-1',
    'created_after=yesterday',
    'sort=name',
    'unknown=1',
  ])('%s is refused', async search => {
    const problem = await expectRefusal(read(search), 400, 'invalid-request')
    expect(problem.errors).toHaveLength(1)
  })
})

describe('pages', () => {
  beforeAll(async () => {
    for (let at = 0; at < 12; at++) await add(`p${at}`, { labels: 'paged', attributes: JSON.stringify({ at }) })
    await patch('p3', { attributes: { touched: true } })
  })

  test('in every order, page by page', async () => {
    const all = Array.from({ length: 12 }, (_, at) => `p${at}`)
    const changed = [...all.filter(name => name !== 'p3'), 'p3']
    const search = 'labels=paged&limit=5'
    expect(await walk(`${search}&sort=created`)).toEqual(all)
    expect(await walk(`${search}&sort=-created`)).toEqual(all.toReversed())
    expect(await walk(`${search}&sort=updated`)).toEqual(changed)
    expect(await walk(`${search}&sort=-updated`)).toEqual(changed.toReversed())
    const { updated_at: since } = (await page(`labels=paged&sort=-updated&limit=2`)).items[1] as Item
    expect(await walk(`${search}&sort=updated&updated_after=${since}`)).toContain('p3')
    expect(await walk(`${search}&sort=-updated&updated_before=${since}`)).not.toContain('p3')
  })

  test('what comes and goes meanwhile moves nothing else', async () => {
    const first = await page('labels=paged&limit=5')
    await patch('p1', { labels: [] })
    await add('late', { labels: 'paged' })
    const rest = await walk('labels=paged&limit=3', key, `&cursor=${first.next_cursor}`)
    expect(rest).toEqual([...Array.from({ length: 7 }, (_, at) => `p${at + 5}`), 'late'])
    await patch('p1', { labels: ['paged'] })
    await patch('late', { labels: [] })
  })

  test('what changes while one goes by changes is met again, and nothing is missed', async () => {
    const first = await page('labels=paged&limit=5&sort=updated')
    const seen = first.items.map(({ id }) => names.get(id))
    await patch('p0', { attributes: { again: 1 } })
    const rest = await walk('labels=paged&limit=5&sort=updated', key, `&cursor=${first.next_cursor}`)
    expect(rest.at(-1)).toBe('p0')
    expect(new Set([...seen, ...rest]).size).toBe(12)
  })

  test('a cursor of another order, or none at all, is refused', async () => {
    const { next_cursor: cursor } = await page('labels=paged&limit=5')
    for (const search of [
      `sort=updated&cursor=${cursor}`,
      'sort=created&labels=paged&cursor=x',
      'labels=paged&cursor=!',
    ])
      await expectRefusal(read(search), 400, 'invalid-cursor')
  })
})

describe('who may see what', () => {
  let reader = ''
  let guest = ''
  let red = ''
  beforeAll(async () => {
    reader = await keyOf('reader')
    guest = await keyOf('guest')
    red = await keyOf('red')
    await admin('PUT', '/v1/collections/wares/grants/reader', { role: 'reader' })
    await admin('PUT', '/v1/collections/wares/grants/red', { role: 'reader', conditions: { labels: { all: ['red'] } } })
    for (const name of ['hat', 'paper'])
      await admin('PUT', `/v1/assets/${ids.get(name)}/grants/guest`, { role: 'reader' })
    await admin('PUT', `/v1/assets/${ids.get('boot')}/grants/reader`, { role: 'none' })
  })

  test('over all collections that may be read, and single assets', async () => {
    expect(await found('attribute=price')).toEqual(['shoe', 'boot', 'hat', 'draft', 'paper'])
    expect(await found('attribute=price', reader)).toEqual(['shoe', 'hat', 'draft'])
    expect(await found('attribute=price', red)).toEqual(['shoe', 'boot', 'draft'])
    expect(await found('attribute=price', guest)).toEqual(['hat', 'paper'])
    expect(await found('attribute=price&sort=-updated', guest)).toEqual(['paper', 'hat'])
    expect(await walk('attribute=price&limit=1', guest)).toEqual(['hat', 'paper'])
    expect(await found('attribute=price', ADMIN_KEY)).toEqual(['shoe', 'boot', 'hat', 'draft', 'paper'])
    expect(await found('labels=new', red)).toEqual(['shoe'])
    expect(await found('labels=red', guest)).toEqual(['paper'])
    expect(await found('labels=red&sort=updated', await keyOf('nobody'))).toEqual([])
  })

  test('without a filter, too', async () => {
    expect(await walk('limit=2', guest)).toEqual(['hat', 'paper'])
    const all = await walk('limit=7', ADMIN_KEY)
    expect(new Set(all).size).toBe(all.length)
    expect(await walk('limit=7')).toEqual(all)
  })

  test('drafts are found by those who may publish them', async () => {
    expect(await found('state=DRAFT&labels=red')).toEqual(['draft'])
    expect(await found('state=DRAFT&labels=red', reader)).toEqual([])
    expect(await found('state=DRAFT,PENDING&labels=red', reader)).toEqual(['draft'])
  })

  test('a collection that one may not know of is one that there is not', async () => {
    const words = async (search: string) => {
      const problem = await expectRefusal(read(search, reader), 404, 'not-found')
      return { ...problem, instance: '' }
    }
    expect(await words('collection=papers&labels=red')).toEqual(await words('collection=nothing&labels=red'))
    expect(await found('collection=papers&labels=red', guest)).toEqual(['paper'])
    expect(await found('collection=papers&labels=blue', guest)).toEqual([])
  })
})

describe('the index', () => {
  const index = async () => ({
    assets: await query(system.core, 'select * from asset_search order by asset_id'),
    words: await query(system.core, 'select * from asset_term order by asset_id, path, value'),
  })
  const say = (asset: string, word: string, body?: object) =>
    expectJson(
      send('POST', `/v1/assets/${asset}/${word}`, { key, headers: { 'If-Match': '*' }, ...(body && { body }) }),
      200,
    )

  test('follows the version that is shown', async () => {
    const asset = await add('turning', { filename: 'first.txt', labels: 'turning' })
    const next = `/v1/assets/${asset}/versions?filename=second.jpg`
    await expectJson(send('POST', next, { key, body: await photo({ width: 30, height: 20 }) }), 201)
    const shown = { labels: 'turning', text: 'second', min_width: '30', media_type: 'image/*' }
    expect(await found(of(shown))).toEqual(['turning'])
    expect(await found(of({ text: 'first', labels: 'turning' }))).toEqual([])
    await say(asset, 'publish', { version: 1 })
    expect(await found(of(shown))).toEqual([])
    expect(await found(of({ text: 'first', max_bytes: '100', media_type: 'text/plain' }))).toEqual(['turning'])
    await say(asset, 'archive')
    expect(await found(of({ labels: 'turning', state: 'ACTIVE' }))).toEqual([])
    await say(asset, 'restore')
    expect(await found(of({ labels: 'turning', state: 'ACTIVE' }))).toEqual(['turning'])
  })

  test('is what the start of this release makes of what there was before', async () => {
    const kept = await index()
    expect(kept.assets.length).toBeGreaterThan(5)
    expect(kept.words.length).toBeGreaterThan(20)
    await query(system.core, 'truncate asset_search, asset_term')
    const fill = (await readMigrations()).find(({ name }) => name.includes('search_fill'))?.text ?? ''
    for (const text of fill.replaceAll(/--.*/g, '').split(';')) if (text.trim() !== '') await query(system.core, text)
    expect(await index()).toEqual(kept)
  })
})
