/**
 * What it costs to find assets among very many, and to keep them so that they are found: each question beside a plain page of the
 * same list, publishing and uploads with the index and without it, by turns.
 *
 * `npm run bench -- --only search --assets 100000`. Filled by Postgres; the index is made as the start of a release makes it.
 */
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { call, upload } from './client.ts'
import type { Photo } from './photos.ts'
import { quantile, type Row, ratio, type Table } from './report.ts'
import { type Filled, fill, prepareFill } from './scale-world.ts'
import type { Gateway, World } from './world.ts'

const ASKED = 100
const TURNS = 4
const WRITES = 50

/** Every asset has a label and a number of its own; some have more. `n` counts them. */
const DESCRIBE = `
  with one as (select tenant_id, asset_id, row_number() over (order by asset_id) as n from asset)
  update asset a set
    labels = array_remove(array['every', case when n % 10 = 0 then 'tenth' end, case when n % 10000 = 0 then 'rare' end], null),
    attributes = jsonb_build_object('number', n, 'title', 'Ware ' || n, 'season', (array['spring', 'summer', 'autumn', 'winter'])[1 + n % 4])
  from one where one.tenant_id = a.tenant_id and one.asset_id = a.asset_id`

/** Gives the seconds that the index took. */
const describeAll = async ({ store }: Filled): Promise<number> => {
  const client = new pg.Client(store.databaseUrl)
  await client.connect()
  try {
    await client.query('set session_replication_role = replica')
    await client.query(DESCRIBE)
    await client.query('truncate asset_search, asset_term')
    const startedAt = performance.now()
    await client.query(await readFile(new URL('../../migrations/0048_search_fill.sql', import.meta.url), 'utf8'))
    const seconds = (performance.now() - startedAt) / 1000
    await client.query('vacuum (analyze)')
    return seconds
  } finally {
    await client.end()
  }
}

const QUESTIONS: readonly (readonly [name: string, query: string])[] = [
  ['a page of the collection, as before', 'collection=photos'],
  ['newest first', 'sort=-created'],
  ['last changed first', 'sort=-updated'],
  ['a label that all have', 'labels=every'],
  ['a label that a tenth has', 'labels=tenth&sort=-created'],
  ['a label that ten have', 'labels=rare'],
  ['one attribute, equal', 'attribute=number%3D777'],
  ['a range that five hundred are in', 'attribute=number%3E%3D500&attribute=number%3C1000&sort=-updated'],
  ['a word, and a label that all have', 'text=777&labels=every'],
  ['two that a quarter and a tenth have, newest first', 'attribute=season%3Dspring&labels=tenth&sort=-created'],
  ['what nobody has, among all (ten thousand looked at)', 'labels=every&min_width=99999'],
]

const ask = async (gateway: Gateway, key: string, query: string): Promise<Row> => {
  const took: number[] = []
  let found = 0
  for (let round = 0; round < ASKED; round++) {
    const startedAt = performance.now()
    const answer = await call(gateway, 'GET', `/v1/assets?${query}`, { key })
    const { items } = (await answer.json()) as { items: readonly unknown[] }
    took.push(performance.now() - startedAt)
    found = items.length
  }
  return [found, quantile(took, 0.5).toFixed(1), quantile(took, 0.99).toFixed(1)]
}

const INDEXED = ['enable', 'disable'] as const

/** Publishes of one asset back and forth, and uploads of texts, where the index is kept and where it is not. */
const writing = async (gateway: Gateway, key: string, { store }: Filled): Promise<readonly Row[]> => {
  await call(gateway, 'PUT', '/v1/collections/texts', { body: { owner: 'shop' } })
  const text = () => new TextEncoder().encode(crypto.randomUUID())
  const said = encodeURIComponent(JSON.stringify({ title: 'A ware', season: 'spring', price: 9 }))
  const query = `collection=texts&labels=new&filename=a-ware.txt&attributes=${said}`
  const add = () => call(gateway, 'POST', `/v1/assets?${query}`, { key, body: text() })
  const { asset } = (await (await add()).json()) as { asset: string }
  await call(gateway, 'POST', `/v1/assets/${asset}/versions`, { key, body: text() })
  const client = new pg.Client(store.databaseUrl)
  await client.connect()
  const took = { enable: { publish: [] as number[], upload: [] as number[] }, disable: { publish: [], upload: [] } }
  const timed = async (into: number[], work: () => Promise<unknown>): Promise<void> => {
    const startedAt = performance.now()
    await work()
    into.push(performance.now() - startedAt)
  }
  for (let turn = 0; turn < TURNS * INDEXED.length; turn++) {
    const mode = INDEXED[turn % INDEXED.length] ?? 'enable'
    for (const trigger of ['asset_is_found', 'asset_is_found_anew'])
      await client.query(`alter table asset ${mode} trigger ${trigger}`)
    for (let write = 0; write < WRITES; write++) {
      const body = { version: 1 + (write % 2) }
      const headers = { 'If-Match': '*' }
      await timed(took[mode].publish, () =>
        call(gateway, 'POST', `/v1/assets/${asset}/publish`, { key, body, headers }),
      )
      await timed(took[mode].upload, add)
    }
  }
  await client.end()
  return (['publish', 'upload'] as const).map(what => {
    const [kept, none] = [quantile(took.enable[what], 0.5), quantile(took.disable[what], 0.5)]
    return [what, kept.toFixed(1), none.toFixed(1), ratio(kept, none)]
  })
}

export const search = async (world: World, photos: readonly Photo[], assets: number): Promise<readonly Table[]> => {
  const prepared = await prepareFill(world, photos)
  const filled = await fill(prepared, assets)
  const seconds = await describeAll(filled)
  const gateway = await world.startGateway({ store: filled.store, env: { ROLE: 'gateway' } })
  const key = prepared.keys[0] ?? ''
  await upload(gateway, key, new TextEncoder().encode('a text'))
  const rows: Row[] = []
  for (const [name, query] of QUESTIONS) rows.push([name, ...(await ask(gateway, key, query))])
  const writes = await writing(gateway, key, filled)
  await filled.database.end()
  await gateway.stop()
  return [
    {
      title: `Finding among ${assets} assets`,
      note: `One after the other, pages of fifty. The index of all was made in ${seconds.toFixed(0)} s.`,
      columns: ['question', 'found', 'p50 ms', 'p99 ms'],
      rows,
    },
    {
      title: 'Keeping what is found',
      note: 'By turns, p50 in ms.',
      columns: ['write', 'with the index', 'without', 'ratio'],
      rows: writes,
    },
  ]
}
