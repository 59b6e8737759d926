/** What the audit costs a change, and how fast its chain is made, followed and copied: on the manifest alone, without HTTP. */
import pg from 'pg'
import { recordAll, recordAudit } from '../../src/manifest/audit.ts'
import { chainTenant, headOf, verifyAudit } from '../../src/manifest/audit-chain.ts'
import { walkAudit } from '../../src/manifest/audit-search.ts'
import { type Database, openDatabase } from '../../src/manifest/database.ts'
import { publishVersion } from '../../src/manifest/publish.ts'
import { type AuditEntry, START } from '../../src/model/audit.ts'
import { call, setUp, upload } from './client.ts'
import type { Photo } from './photos.ts'
import { quantile } from './report.ts'
import type { World } from './world.ts'

const ROUNDS = 1_000
const ROWS = 50_000
const TENANT = 'demo'

const entry = (n: number): AuditEntry => ({
  tenant: TENANT,
  actor: 'key_98d2daee52b8d379',
  actorKind: 'key',
  product: 'shop',
  requestId: `req_01a1fdad9591772a9e9d40d9dc2138be${n.toString(36)}`,
  correlationId: `req_01a1fdad9591772a9e9d40d9dc2138be${n.toString(36)}`,
  client: '192.0.2.1',
  action: 'asset.publish',
  resource: `assets/01a1fdad-a20a-7393-aac0-${String(n % 10_000).padStart(12, '0')}`,
  outcome: 'allowed',
  reasons: [],
  count: 1,
  at: undefined,
  before: { version: 1 },
  after: { version: 2, publication: n },
})

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** The same publish by turns with and without its row, so that a busy hour is one for both. */
const publishing = async (database: Database, asset: string) => {
  const times: Record<'without' | 'with', number[]> = { without: [], with: [] }
  for (let n = 0; n < 2 * ROUNDS; n++) {
    const kind = n % 4 < 2 ? 'without' : 'with'
    const wish = { tenant: TENANT, asset, version: 1 + (n % 2), cause: { actor: 'bench', correlationId: 'bench' } }
    const ms = await timed(() =>
      database.transaction(async tx => {
        await publishVersion(tx, wish, { reason: 'publish', expectedPublication: undefined })
        if (kind === 'with') await recordAudit(tx, entry(n))
      }),
    )
    times[kind].push(ms)
  }
  return times
}

const SIZE = `select pg_table_size('audit') as rows, pg_indexes_size('audit') as indexes, count(*) as count from audit`

const bytesPerRow = async (connectionString: string) => {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query('vacuum full audit')
  const { rows } = await client.query(SIZE)
  await client.end()
  const [{ rows: heap, indexes, count }] = rows
  return { heap: Math.round(heap / count), indexes: Math.round(indexes / count) }
}

export const audit = async (world: World, _photos: readonly Photo[]) => {
  const gateway = await world.startGateway()
  const key = (await setUp(gateway, [{ product: 'shop', name: 'card', recipe: { formats: ['jpeg'] } }])).shop ?? ''
  const { asset } = await upload(gateway, key, new TextEncoder().encode('first'))
  await call(gateway, 'POST', `/v1/assets/${asset}/versions`, { key, body: new TextEncoder().encode('second') })
  await gateway.stop()
  const { databaseUrl: connectionString } = gateway.store
  const database = openDatabase({
    connection: { connectionString },
    poolSize: 2,
    statementTimeoutMs: 60_000,
    onPoolError: () => undefined,
  })
  const times = await publishing(database, asset)
  await chainTenant(database, TENANT)
  const writing = await timed(() =>
    recordAll(
      database,
      Array.from({ length: ROWS }, (_, n) => entry(n)),
    ),
  )
  const chaining = await timed(() => chainTenant(database, TENANT))
  const head = await headOf(database, TENANT)
  const length = head?.no ?? 0
  const verifying = await timed(() => verifyAudit(database, TENANT, { from: START, most: length }))
  const nothing = { actor: undefined, action: undefined, resource: undefined, outcome: undefined }
  const copying = await timed(async () => {
    const filter = { ...nothing, from: undefined, to: undefined }
    for await (const rows of walkAudit(database, { tenant: TENANT, filter, after: 0, upTo: length }))
      JSON.stringify(rows)
  })
  await database.close()
  const { heap, indexes } = await bytesPerRow(connectionString)
  const perSecond = (count: number, ms: number): string => Math.round((count / ms) * 1000).toLocaleString('en')
  const row = (name: string, values: readonly number[]) => [
    name,
    ...[0.5, 0.99].map(q => quantile(values, q).toFixed(2)),
  ]
  return [
    {
      title: 'What the audit costs a change',
      note: `The transaction of a publish, ${ROUNDS} times each, by turns. An upload has the same row.`,
      columns: ['', 'p50 ms', 'p99 ms'],
      rows: [row('without its row', times.without), row('with its row', times.with)],
    },
    {
      title: 'The chain of the audit',
      note: `${ROWS.toLocaleString('en')} rows in one tenant, one process. A row takes ${heap + indexes} bytes, ${indexes} of them in indexes.`,
      columns: ['', 'rows a second'],
      rows: [
        ['written in batches (denials, looks at originals)', perSecond(ROWS, writing)],
        ['chained', perSecond(ROWS, chaining)],
        ['verified', perSecond(length, verifying)],
        ['copied', perSecond(length, copying)],
      ],
    },
  ]
}
