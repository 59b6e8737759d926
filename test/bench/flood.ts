/** What somebody waits for, alone and in front of a hundred thousand nodes that can wait, every one of them real work. */
import pg from 'pg'
import { parseRecipe } from '../../src/graph/recipe.ts'
import { wishesFor } from '../../src/graph/wishes.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import type { Original } from '../../src/model/original.ts'
import { LANES } from '../../src/queue/queue.ts'
import { call, renditionPath, setUp, upload } from './client.ts'
import type { Photo } from './photos.ts'
import { quantile, type Row, ratio } from './report.ts'
import { analyse, type World } from './world.ts'

const NODES = 100_000
const ASKS = 100
const WIDTHS = 500
const FIRST_WIDTH = 100

/** Each of `count` its own width and quality. */
const backfillRecipe = (index: number): object => ({
  resize: { width: FIRST_WIDTH + (index % WIDTHS) },
  formats: [{ format: 'jpeg', quality: 40 + Math.floor(index / WIDTHS) }],
})

const insertBackfill = async (database: pg.Client, originals: readonly Pick<Original, 'sha256' | 'image'>[]) => {
  const each = Math.ceil(NODES / originals.length)
  for (const { sha256, image } of originals) {
    if (!image) continue
    const renditions = Array.from({ length: each }, (_, index) => ({
      collection: 'photos',
      product: 'flood',
      name: 'backfill',
      revision: 1,
      lane: 'eager' as const,
      recipe: parseRecipe(backfillRecipe(index)),
      recipeHash: '',
      privateMetadata: false,
    }))
    const { nodes } = wishesFor(renditions, { sha256, image }, { lane: 'backfill' })
    await database.query(
      `insert into node (tenant_id, node_id, original, chain, format, priority, state, queued_at, product_id)
       select t.tenant_id, decode(w.id, 'hex'), decode($1, 'hex'), w.chain, 'jpeg', $2, 'QUEUED', now(), 'flood'
       from (select tenant_id from original where sha256 = decode($1, 'hex')) t, unnest($3::text[], $4::text[]) as w (id, chain)
       on conflict do nothing`,
      [sha256, LANES.backfill, nodes.map(({ node }) => node.key), nodes.map(({ chain }) => chain)],
    )
  }
}

export const flood = async (world: World, photos: readonly Photo[]) => {
  const gateway = await world.startGateway()
  const names = Array.from({ length: ASKS }, (_, index) => `lazy-${index}`)
  const keys = await setUp(gateway, [
    ...names.map((name, index) => ({
      product: 'shop',
      name,
      lane: 'lazy' as const,
      recipe: { resize: { width: 700 + index }, formats: ['jpeg'] },
    })),
    { product: 'flood', name: 'none', lane: 'lazy', recipe: { resize: { width: 10 }, formats: ['jpeg'] } },
  ])
  const key = keys.shop ?? ''
  const assets: string[] = []
  for (const round of ['idle', 'flooded']) {
    for (const { bytes } of photos) {
      // What follows the end of a JPEG is not looked at, and makes it another original.
      const { asset } = await upload(gateway, key, Buffer.concat([bytes, Buffer.from(round)]), '&publish=now')
      assets.push(asset)
    }
  }
  const database = new pg.Client(gateway.store.databaseUrl)
  await database.connect()

  /** One at a time: how long a caller waits, not how many can. */
  const ask = async (offset: number): Promise<number[]> => {
    const latencies: number[] = []
    for (const [index, name] of names.entries()) {
      const asset = assets[offset + (index % photos.length)] ?? ''
      const startedAt = performance.now()
      const answer = await call(gateway, 'GET', renditionPath('shop', asset, name), {
        key,
        headers: { Prefer: 'wait=10' },
      })
      if (answer.status !== 302) throw new Error(`Expected a redirect but received ${answer.status}`)
      latencies.push(performance.now() - startedAt)
    }
    return latencies.slice(photos.length) // starts the decode processes
  }

  const idle = await ask(0)
  const { rows: known } = await database.query(`select encode(sha256, 'hex') as sha256, image from original`)
  await insertBackfill(
    database,
    photos.flatMap(({ bytes }) => {
      const sha256 = sha256Hex(Buffer.concat([bytes, Buffer.from('flooded')]))
      return known.filter(original => original.sha256 === sha256)
    }),
  )
  await analyse(gateway.store)
  const made = async (): Promise<number> =>
    (await database.query(`select count(*)::int as count from node where product_id = 'flood' and state = 'DONE'`))
      .rows[0].count
  while ((await made()) === 0) await new Promise(resolve => setTimeout(resolve, 100))
  const before = await made()
  const flooded = await ask(photos.length)
  const meanwhile = (await made()) - before
  await database.end()
  await gateway.stop()

  const row = (name: string, values: readonly number[]): Row => [
    name,
    ...[0.5, 0.9, 0.99].map(q => quantile(values, q).toFixed(0)),
    ...[0.5, 0.99].map(q => ratio(quantile(values, q), quantile(idle, q))),
  ]
  return [
    {
      title: `A cold derivative behind ${NODES.toLocaleString('en')} queued ones`,
      note: `JPEG of 700 to 800 px, asked for one at a time with \`Prefer: wait=10\`. Meanwhile ${meanwhile} of the backlog were made.`,
      columns: ['', 'p50 ms', 'p90 ms', 'p99 ms', 'p50 of idle', 'p99 of idle'],
      rows: [row('idle', idle), row('flooded', flooded)],
    },
  ]
}
