/** What must be true after any fault, once the dust has settled: rows, objects and events agree, and nothing is left over. */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Core } from '../../src/gateway.ts'
import type { Database } from '../../src/manifest/database.ts'
import { checkInvariants } from '../../src/manifest/invariants.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'

export const query = <Row extends object>(
  { database }: { database: Database },
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> => database.rows<Row>({ name: `t_${createHash('md5').update(text).digest('hex')}`, text }, values)

/** A fact has one event: nothing that happens to a leaf, a version or a publication is told twice. A schedule may change often, and what a product requires be whole again. */
const TOLD_TWICE = `select asset_id, type, count(*)::int as times from event
  where asset_id is not null and type not in ('asset.schedule_changed', 'product.complete', 'product.degraded')
  group by tenant_id, asset_id, type, data ->> 'version', data ->> 'publication', data ->> 'product', data ->> 'rendition', data ->> 'revision', data ->> 'format'
  having count(*) > 1`

const NOT_TOLD = `select a.asset_id, count(e.*)::int as events from asset a left join event e on e.asset_id = a.asset_id and e.type = 'asset.created'
  group by a.asset_id having count(e.*) <> 1
  union all
  select v.asset_id, count(e.*)::int from asset_version v left join event e on e.asset_id = v.asset_id and e.type = 'asset.version_created'
    and (e.data ->> 'version')::int = v.version group by v.asset_id, v.version having count(e.*) <> 1`

/** Rows only: cheap enough to be asked after every single fault. */
export const expectConsistent = async (core: Pick<Core, 'database'>): Promise<void> => {
  expect(await checkInvariants(core.database)).toEqual([])
  expect(await query(core, TOLD_TWICE)).toEqual([])
  expect(await query(core, NOT_TOLD)).toEqual([])
}

const objectsOf = async (store: ObjectStore): Promise<Map<string, string>> => {
  const found = new Map<string, string>()
  for await (const { key } of store.list('')) {
    const hash = createHash('sha256')
    for await (const chunk of await store.get({ key })) hash.update(chunk)
    found.set(key, hash.digest('hex'))
  }
  return found
}

const rowsOf = async (core: Pick<Core, 'database'>, table: 'original' | 'derivative'): Promise<Map<string, string>> => {
  const rows = await query<{ object_key: string; sha256: string }>(
    core,
    `select object_key, encode(sha256, 'hex') as sha256 from ${table}`,
  )
  return new Map(rows.map(row => [row.object_key, row.sha256]))
}

const filesUnder = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

type Rows = Pick<
  Core,
  | 'config'
  | 'clock'
  | 'database'
  | 'log'
  | 'originals'
  | 'derivatives'
  | 'staging'
  | 'scanners'
  | 'metrics'
  | 'purgeTargets'
  | 'nearby'
>

/** Every object has its row and the bytes that its key says, every row its object; nothing else is there. */
export const expectIntact = async (
  core: Rows,
  { s3Folder, spoolFolder }: { s3Folder: string; spoolFolder: string },
): Promise<void> => {
  const sweep = startSweep(core)
  await sweep.stop()
  await sweep.once()
  await expectConsistent(core)
  expect(await query(core, 'select event_id from event where seq is null')).toEqual([])
  for (const table of ['original', 'derivative'] as const) {
    expect(await objectsOf(core[`${table}s`]), `objects of table ${table}`).toEqual(await rowsOf(core, table))
  }
  expect(await objectsOf(core.staging)).toEqual(new Map())
  expect(await filesUnder(join(s3Folder, 'tmp'))).toEqual([])
  expect(await filesUnder(join(s3Folder, 'uploads'))).toEqual([])
  expect(await filesUnder(spoolFolder)).toEqual([])
}

/** Every wanted node is done, once, and the newest version of every asset is shown. */
export const expectAllDone = async (core: Pick<Core, 'database'>): Promise<void> => {
  const rest = `select state, executions, count(*)::int from node where state <> 'DONE' or executions <> 1 group by 1, 2`
  expect(await query(core, rest)).toEqual([])
  const hidden = `select asset_id, version, state from asset_version join asset using (tenant_id, asset_id)
    where state not in ('READY', 'ARCHIVED', 'ACTIVE') or state <> 'ACTIVE' and version = next_version - 1`
  expect(await query(core, hidden)).toEqual([])
}
