/** The chain: whatever is done to a row behind the back of the software is found, and the row is named. */
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { recordAudit } from '../../src/manifest/audit.ts'
import { chainAudit, chainTenant, headOf, verifyAudit } from '../../src/manifest/audit-chain.ts'
import { ensureTenant } from '../../src/manifest/products.ts'
import { follow, START } from '../../src/model/audit.ts'
import { newId } from '../../src/model/ids.ts'
import { expectJson, expectRefusal } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let superuser: pg.Client
let tenant: string

const entry = (n: number, of = tenant) => ({
  tenant: of,
  actor: 'key_test',
  actorKind: 'key' as const,
  product: undefined,
  requestId: `req_${n}`,
  correlationId: `req_${n}`,
  client: '192.0.2.1',
  action: 'grant.put',
  resource: `collections/c/grants/p${n}`,
  reasons: [],
  before: undefined,
  after: { role: 'reader', n },
})
const append = async (n: number): Promise<void> => recordAudit(system.core.database, entry(n))
const verify = (from = START, most = 100_000) => verifyAudit(system.core.database, tenant, { from, most })

/** As nobody of the software can: with the triggers off. */
const behindItsBack = async (...statements: string[]): Promise<void> => {
  await superuser.query('begin')
  await superuser.query('alter table audit disable trigger user; alter table audit_head disable trigger user')
  for (const statement of statements) await superuser.query(statement.replaceAll('$tenant', `'${tenant}'`))
  await superuser.query('alter table audit enable always trigger audit_ledger, enable always trigger audit_kept')
  await superuser.query(
    'alter table audit_head enable always trigger audit_head_ledger, enable always trigger audit_head_kept',
  )
  await superuser.query('commit')
}

beforeAll(async () => {
  system = await startSystem({ worker: false })
  superuser = new pg.Client(system.engines.database as pg.ClientConfig)
  await superuser.connect()
})
afterAll(async () => {
  await superuser.end()
  await system.close()
})
/** A chain of ten rows in a tenant of its own. */
beforeEach(async () => {
  tenant = `t-${newId().slice(-12)}`
  await ensureTenant(system.core.database, tenant)
  for (let n = 1; n <= 10; n++) await append(n)
  expect(await chainTenant(system.core.database, tenant)).toBe(10)
})

describe('rows behind the back of the software', () => {
  const mend = 'update audit set audit_no = audit_no where tenant_id = $tenant'
  const HASH = `sha256('forged')`
  test.each<[string, string[], object]>([
    ['nothing', [mend], { broken: undefined }],
    [
      'a field is changed',
      [`update audit set resource = 'elsewhere' where tenant_id = $tenant and audit_no = 4`],
      { no: 4, what: 'changed' },
    ],
    [
      'a field of what changed is changed',
      [`update audit set after = jsonb_set(after, '{role}', '"owner"') where tenant_id = $tenant and audit_no = 7`],
      { no: 7, what: 'changed' },
    ],
    [
      'a time is moved by a millisecond',
      [`update audit set at = at + interval '1 ms' where tenant_id = $tenant and audit_no = 1`],
      { no: 1, what: 'changed' },
    ],
    [
      'a hash is changed',
      [`update audit set hash = ${HASH} where tenant_id = $tenant and audit_no = 5`],
      { no: 5, what: 'changed' },
    ],
    ['a row is removed', ['delete from audit where tenant_id = $tenant and audit_no = 3'], { no: 3, what: 'missing' }],
    [
      'the first is removed',
      ['delete from audit where tenant_id = $tenant and audit_no = 1'],
      { no: 1, what: 'missing' },
    ],
    [
      'the last is removed',
      ['delete from audit where tenant_id = $tenant and audit_no = 10'],
      { no: 10, what: 'missing' },
    ],
    ['all are removed', ['delete from audit where tenant_id = $tenant'], { no: 1, what: 'missing' }],
    [
      'a row is removed and the gap closed',
      [
        'delete from audit where tenant_id = $tenant and audit_no = 6',
        'update audit set audit_no = -audit_no where tenant_id = $tenant and audit_no > 6',
        'update audit set audit_no = -audit_no - 1 where tenant_id = $tenant and audit_no < 0',
      ],
      { no: 6, what: 'unlinked' },
    ],
    [
      'a row is put in',
      [
        'update audit set audit_no = -audit_no where tenant_id = $tenant and audit_no >= 8',
        'update audit set audit_no = 1 - audit_no where tenant_id = $tenant and audit_no < 0',
        `insert into audit (audit_id, tenant_id, actor, actor_kind, action, resource, outcome, request_id, correlation_id, audit_no, prev_hash, hash)
         select gen_random_uuid(), tenant_id, actor, actor_kind, action, 'forged', outcome, request_id, correlation_id, 8, hash, ${HASH}
         from audit where tenant_id = $tenant and audit_no = 7`,
      ],
      { no: 8, what: 'changed' },
    ],
    [
      'a row is put behind the end',
      [
        `insert into audit (audit_id, tenant_id, actor, actor_kind, action, resource, outcome, request_id, correlation_id, audit_no, prev_hash, hash)
         select gen_random_uuid(), tenant_id, actor, actor_kind, action, 'forged', outcome, request_id, correlation_id, 11, hash, ${HASH}
         from audit where tenant_id = $tenant and audit_no = 10`,
      ],
      { no: 11, what: 'other-end' },
    ],
    [
      'two rows change places',
      [
        'update audit set audit_no = -audit_no where tenant_id = $tenant and audit_no in (4, 5)',
        'update audit set audit_no = 9 + audit_no where tenant_id = $tenant and audit_no < 0',
      ],
      { no: 4, what: 'unlinked' },
    ],
    [
      'the end is cut off, and the head with it',
      [
        'delete from audit where tenant_id = $tenant and audit_no = 10',
        'update audit_head set audit_no = 9 where tenant_id = $tenant',
      ],
      { no: 9, what: 'other-end' },
    ],
    ['the head is removed', ['delete from audit_head where tenant_id = $tenant'], { no: 1, what: 'other-end' }],
  ])('%s', async (_, statements, expected) => {
    await behindItsBack(...statements)
    const { broken } = await verify()
    if ('no' in expected) expect(broken).toMatchObject(expected)
    else expect(broken).toBeUndefined()
  })

  test('a chain that is written anew from a row on is found by whoever noted its end', async () => {
    const noted = (await verify()).head
    const rows = await superuser.query(
      `select audit_no as no from audit where tenant_id = '${tenant}' and audit_no >= 5 order by 1`,
    )
    expect(rows.rowCount).toBe(6)
    await behindItsBack(
      `delete from audit where tenant_id = $tenant and audit_no = 5`,
      `update audit set audit_no = null, prev_hash = null, hash = null where tenant_id = $tenant and audit_no > 5`,
      `update audit_head set audit_no = 4, hash = (select hash from audit where tenant_id = $tenant and audit_no = 4) where tenant_id = $tenant`,
    )
    await append(11)
    await chainTenant(system.core.database, tenant)
    expect((await verify()).broken).toBeUndefined()
    expect((await verify(noted)).broken).toMatchObject({ no: 10, what: 'changed' })
  })
})

describe('by its own rights the software cannot', () => {
  test.each([
    ['change a row', `update audit set resource = 'x' where tenant_id = $1`],
    ['change the place of a row', `update audit set audit_no = audit_no + 100 where tenant_id = $1`],
    [
      'take a row out of the chain',
      `update audit set audit_no = null, prev_hash = null, hash = null where tenant_id = $1`,
    ],
    ['delete a row', 'delete from audit where tenant_id = $1'],
    ['delete the head', 'delete from audit_head where tenant_id = $1'],
    ['turn the head back', 'update audit_head set audit_no = 3 where tenant_id = $1'],
  ])('%s', async (_, statement) => {
    await expect(superuser.query(statement, [tenant])).rejects.toMatchObject({ code: '23001' })
    expect(await verify()).toMatchObject({ to: { no: 10 }, broken: undefined })
  })

  test.each(['truncate audit', 'truncate audit_head', 'truncate tenant cascade'])('%s', async statement => {
    await expect(superuser.query(statement)).rejects.toMatchObject({ code: '23001' })
  })

  test('not even as a replica, nor before the row has its place', async () => {
    await append(11)
    await superuser.query(`set session_replication_role = replica`)
    try {
      for (const statement of [
        'delete from audit where tenant_id = $1 and audit_no is null',
        `update audit set actor = 'x' where tenant_id = $1 and audit_no is null`,
        `update audit set actor = 'x', audit_no = 11, prev_hash = '\\x00', hash = '\\x00' where tenant_id = $1 and audit_no is null`,
      ])
        await expect(superuser.query(statement, [tenant])).rejects.toMatchObject({ code: '23001' })
    } finally {
      await superuser.query('reset session_replication_role')
    }
  })
})

describe('places are given after the commit', () => {
  test('a row that was begun first and committed last follows, and no number is skipped', async () => {
    const { database } = system.core
    const early = await database.transaction(async tx => {
      await recordAudit(tx, entry(11)) // has the lower insert_no, and is not visible yet
      await append(12)
      expect(await chainTenant(database, tenant)).toBe(1)
      return headOf(database, tenant)
    })
    expect(early?.no).toBe(11)
    expect(await chainTenant(database, tenant)).toBe(1)
    const { rows } = await superuser.query(
      `select request_id from audit where tenant_id = $1 and audit_no > 10 order by audit_no`,
      [tenant],
    )
    expect(rows.map(row => row.request_id)).toEqual(['req_12', 'req_11'])
    expect(await verify()).toMatchObject({ to: { no: 12 }, broken: undefined })
  })

  test('of many chainers and writers at once each row gets one place', async () => {
    const { database } = system.core
    await Promise.all([
      ...Array.from({ length: 40 }, (_, n) => append(100 + n)),
      ...Array.from({ length: 10 }, () => chainAudit(database)),
    ])
    await chainTenant(database, tenant)
    expect(await verify()).toMatchObject({ to: { no: 50 }, head: { no: 50 }, broken: undefined })
  })

  test('what is taken back leaves neither row nor gap', async () => {
    const { database } = system.core
    await expect(
      database.transaction(async tx => {
        await recordAudit(tx, entry(11))
        throw new Error('taken back')
      }),
    ).rejects.toThrow('taken back')
    await append(12)
    await chainTenant(database, tenant)
    expect(await verify()).toMatchObject({ to: { no: 11 }, broken: undefined })
  })

  test('each tenant has a chain of its own', async () => {
    const first = tenant
    tenant = `t-${newId().slice(-12)}`
    await ensureTenant(system.core.database, tenant)
    await append(1)
    await chainAudit(system.core.database)
    expect(await verify()).toMatchObject({ to: { no: 1 }, broken: undefined })
    await behindItsBack('delete from audit where tenant_id = $tenant')
    expect((await verify()).broken).toMatchObject({ no: 1 })
    tenant = first
    expect((await verify()).broken).toBeUndefined()
  })
})

test('a page goes on where the one before ended, and finds what was changed between them', async () => {
  const first = await verify(START, 4)
  expect(first).toMatchObject({ to: { no: 4 }, head: { no: 10 }, broken: undefined })
  const second = await verify(first.to, 4)
  expect(second).toMatchObject({ to: { no: 8 }, broken: undefined })
  expect(await verify(second.to, 4)).toMatchObject({ to: { no: 10 }, broken: undefined })
  await behindItsBack(`update audit set hash = sha256('x') where tenant_id = $tenant and audit_no = 8`)
  expect((await verify(second.to, 4)).broken).toMatchObject({ no: 8, what: 'changed' })
})

describe('asked over HTTP', () => {
  const ask = (path: string, headers = {}) => system.call('GET', path, { key: ADMIN_KEY, headers })

  test('verify chains what is committed and says where the chain ends', async () => {
    await expectJson(system.call('PUT', '/v1/products/seen', { key: ADMIN_KEY, body: { display_name: 'Seen' } }), 201)
    const all = await expectJson<{ head: { no: number } }>(ask('/v1/audit/verify'), 200)
    expect(all).toMatchObject({ intact: true, complete: true, unchained: 0, to: all.head })
    const part = await expectJson<{ to: { no: number; hash: string } }>(ask('/v1/audit/verify?limit=2'), 200)
    expect(part).toMatchObject({ intact: true, complete: false, to: { no: 2 } })
    const rest = await expectJson(ask(`/v1/audit/verify?after=2&hash=${part.to.hash}`), 200)
    expect(rest).toMatchObject({ intact: true, complete: true, to: all.head })
    const forgot = await expectJson(ask(`/v1/audit/verify?after=2&hash=${'0'.repeat(64)}`), 200)
    expect(forgot).toMatchObject({ intact: false, complete: true, broken: { no: 2, what: 'changed' } })
    await expectRefusal(ask('/v1/audit/verify?after=2'), 400, 'invalid-request')
  })

  test('a copy as NDJSON can be followed by whoever has it', async () => {
    const response = await ask('/v1/audit', { Accept: 'application/x-ndjson' })
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    const rows = (await response.text())
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    const { head } = await expectJson<{ head: { no: number } }>(ask('/v1/audit/verify'), 200)
    expect(follow(START, rows)).toEqual({ to: head })
    rows[3].actor = 'somebody else'
    expect(follow(START, rows).broken).toMatchObject({ no: 4, what: 'changed', id: rows[3].id })
    const rest = await ask(`/v1/audit?after=${head.no - 1}`, { Accept: 'application/x-ndjson' })
    expect((await rest.text()).trimEnd().split('\n')).toHaveLength(1)
  })
})
