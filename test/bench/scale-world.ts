/** What the benchmark of scale stands on: one asset of three products made for real, and as many more like it as are asked for. */
import pg from 'pg'
import { insertManyAssets, type Numbering } from '../support/many-assets.ts'
import { call, renditionPath, setUp, upload } from './client.ts'
import type { Photo } from './photos.ts'
import type { Gateway, Store, World } from './world.ts'

const CARD = { resize: { width: 400 }, formats: ['jpeg'] }
/** Three products, two of which want the same. */
const WISHES = [
  { product: 'shop', name: 'card', recipe: CARD },
  { product: 'mobile', name: 'tile', recipe: CARD },
  { product: 'partner', name: 'feed', recipe: { resize: { width: 800 }, formats: ['jpeg'] } },
]
/** As many, so that each question is new to a gateway that keeps 20,000 of them, however few assets there are. */
const KEYS = 100

export interface Prepared {
  readonly store: Store
  /** Of the shop. */
  readonly keys: readonly string[]
  readonly template: string
  readonly photo: Uint8Array
}

export interface Filled extends Prepared {
  readonly database: pg.Client
  readonly numbering: Numbering
  readonly assets: number
  readonly perSecond: number
}

const openClient = async ({ databaseUrl }: Store): Promise<pg.Client> => {
  const client = new pg.Client(databaseUrl)
  // A run that fails ends Postgres under it, and is to say why.
  client.on('error', error => console.error(`scale: ${error.message}`))
  await client.connect()
  return client
}

export const untilNone = async (database: pg.Client, query: string): Promise<void> => {
  while ((await database.query(query)).rowCount !== 0) await new Promise(resolve => setTimeout(resolve, 200))
}

export const prepareFill = async (world: World, photos: readonly Photo[]): Promise<Prepared> => {
  const gateway = await world.startGateway()
  const bytes = photos[0]?.bytes
  if (!bytes) throw new Error('There are no photos')
  const products = await setUp(gateway, WISHES)
  const { asset } = await upload(gateway, products.shop ?? '', bytes)
  for (const { product, name } of WISHES) {
    const path = renditionPath(product, asset, name)
    const asked = { key: products[product] ?? '', headers: { Prefer: 'wait=10', Accept: 'application/json' } }
    await call(gateway, 'GET', path, asked)
  }
  const keys: string[] = []
  for (let index = 0; index < KEYS; index++) {
    const body = { label: `bench ${index}`, scopes: ['resolve', 'assets:read', 'assets:write', 'publish'] }
    const made = await call(gateway, 'POST', '/v1/products/shop/keys', { body })
    keys.push(((await made.json()) as { secret: string }).secret)
  }
  const database = await openClient(gateway.store)
  await untilNone(database, 'select 1 from original_look where made_at is null')
  await gateway.stop()
  await database.end()
  return { store: gateway.store, keys, template: asset, photo: bytes }
}

/** A database of its own with so many assets, and what autovacuum would have done by the next day. Long: it says how far it is. */
export const fill = async (prepared: Prepared, assets: number): Promise<Filled> => {
  const url = new URL(prepared.store.databaseUrl)
  const maker = await openClient(prepared.store)
  const name = `${url.pathname.slice(1)}_${assets}`
  await maker.query(`create database ${name} template ${url.pathname.slice(1)}`)
  await maker.end()
  url.pathname = name
  const store = { ...prepared.store, databaseUrl: url.href }
  const startedAt = performance.now()
  const onProgress = (done: number): void => {
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    if (done % 50_000 === 0) console.error(`scale: ${done} of ${assets} assets, ${seconds} s`)
  }
  const { template } = prepared
  const numbering = await insertManyAssets({ connection: store.databaseUrl, template, count: assets, onProgress })
  const perSecond = Math.round((assets * 1000) / (performance.now() - startedAt))
  return { ...prepared, store, database: await openClient(store), numbering, assets, perSecond }
}

/** What is read of any asset: in the memory of the server, as after a day of its life. */
const WARM = `select sum(pg_prewarm(c.oid)) from pg_class c left join pg_index i on i.indexrelid = c.oid left join pg_class t on t.oid = i.indrelid
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'i')
    and coalesce(t.relname, c.relname) in ('asset', 'asset_version', 'leaf', 'node', 'derivative', 'original')`

/** All that the first minutes of a process do, and autovacuum in its first days. */
export const settle = async ({ database }: Filled): Promise<void> => {
  await untilNone(database, 'select 1 from audit where audit_no is null limit 1')
  await database.query('vacuum (analyze)')
  await database.query('create extension if not exists pg_prewarm')
  await database.query(WARM)
  await database.query('checkpoint')
}

export interface TableSize {
  readonly name: string
  readonly rows: number
  readonly heap: number
  readonly indexes: number
}

export const tableSizes = async (database: pg.Client): Promise<readonly TableSize[]> =>
  (
    await database.query<TableSize>(
      `select relname as name, reltuples::float8 as rows, (pg_table_size(oid))::float8 as heap, pg_indexes_size(oid)::float8 as indexes
       from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by pg_total_relation_size(oid) desc`,
    )
  ).rows

export type Pair = readonly [here: Gateway, there: Gateway]
