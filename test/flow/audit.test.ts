/** What the audit says of requests: changes with what changed, denials beside the requests, and never a secret. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COLUMNS } from '../../src/manifest/audit-chain.ts'
import { insertKey } from '../../src/manifest/products.ts'
import type { AuditRow } from '../../src/model/audit.ts'
import { hashSecret, newSecret } from '../../src/model/ids.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>

const ROWS = {
  name: 'test_audit_rows',
  text: `select ${COLUMNS} from audit where tenant_id = $1 and ($2::text is null or request_id = $2) order by insert_no`,
}
const rows = (request?: string | null): Promise<AuditRow[]> =>
  system.core.database.rows<AuditRow>(ROWS, ['demo', request ?? null])
const rowsOf = async (response: Response): Promise<AuditRow[]> => {
  await system.core.journal.flush()
  return rows(response.headers.get('x-request-id'))
}
const admin = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
const text = (content: string) => new TextEncoder().encode(content)

beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  socket = await openSocketClient(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

describe('an accepted change', () => {
  test('says what there was and what there is, of what changed only', async () => {
    const path = '/v1/collections/product-photo/grants/partner-api'
    const body = { role: 'reader', visibility: 'private' }
    await expectJson(admin('PUT', path, { ...body, delivery: 'redirect' }), 200)
    const changed = await admin('PUT', path, { ...body, delivery: 'stream', expires_at: '2030-01-01T00:00:00.000Z' })
    expect(await rowsOf(changed)).toMatchObject([
      {
        actor: 'key_admin_demo',
        actor_kind: 'key',
        product: null,
        action: 'grant.put',
        resource: 'collections/product-photo/grants/partner-api',
        outcome: 'allowed',
        count: 1,
        before: { delivery: 'redirect' },
        after: { delivery: 'stream', expires_at: '2030-01-01T00:00:00.000Z' },
      },
    ])
    const [row] = await rowsOf(changed)
    expect(Object.keys({ ...row?.before, ...row?.after }).sort()).toEqual(['delivery', 'expires_at'])
    expect(row?.correlation_id).toBe(changed.headers.get('x-correlation-id'))
  })

  test('an upload and a publication name the key, its product and the bytes', async () => {
    const key = system.keys['shop-web']
    const uploaded = await send('POST', '/v1/assets?collection=product-photo', { key, body: text('audited') })
    const { asset, digest } = await expectJson<{ asset: string; digest: string }>(uploaded.clone(), 201)
    expect(await rowsOf(uploaded)).toMatchObject([
      { action: 'asset.create', product: 'shop-web', resource: `assets/${asset}`, after: { digest, version: 1 } },
    ])
    const next = await send('POST', `/v1/assets/${asset}/versions?publish=manual`, { key, body: text('audited 2') })
    expect(next.status).toBe(201)
    const headers = { 'If-Match': '*' }
    const published = await send('POST', `/v1/assets/${asset}/publish`, { key, body: { version: 2 }, headers })
    expect(await rowsOf(published)).toMatchObject([
      { action: 'asset.publish', before: { version: 1 }, after: { version: 2, publication: 2 } },
    ])
  })

  test('tried with validate_only it leaves nothing', async () => {
    const before = (await rows()).length
    for (const [method, path, body] of [
      ['PUT', '/v1/products/shop-web', { display_name: 'Another name' }],
      ['PUT', '/v1/collections/product-photo', { owner: 'shop-web' }],
      ['PUT', '/v1/collections/product-photo/grants/mobile', { role: 'editor' }],
      ['PUT', '/v1/collections/product-photo/products/mobile/renditions/x1', { recipe: { formats: ['jpeg'] } }],
      ['POST', '/v1/products/shop-web/keys', {}],
    ] as const)
      await expectJson(admin(method, `${path}?validate_only=true`, body), 200)
    expect(await rows()).toHaveLength(before)
  })

  test('replayed under its Idempotency-Key it is one row, and refused it is none', async () => {
    const key = system.keys['shop-web']
    const options = { key, body: text('once'), headers: { 'Idempotency-Key': 'audit-once' } }
    const before = (await rows()).length
    await expectJson(send('POST', '/v1/assets?collection=product-photo', options), 201)
    const again = await send('POST', '/v1/assets?collection=product-photo', options)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    await expectRefusal(
      send('POST', '/v1/assets?collection=product-photo', { ...options, body: text('another') }),
      422,
      'idempotency-key-reused',
    )
    await expectRefusal(
      admin('PUT', '/v1/collections/product-photo/grants/mobile', { role: 'king' }),
      422,
      'contract-violation',
    )
    await expectRefusal(
      admin('PUT', '/v1/products/mobile', { display_name: 'x' }, { 'If-Match': '"another"' }),
      412,
      'precondition-failed',
    )
    expect(await rows()).toHaveLength(before + 1)
  })

  test('the first start is in it: the admin key', async () => {
    expect((await rows()).find(({ action }) => action === 'admin-key.replace')).toMatchObject({
      actor: 'start',
      actor_kind: 'system',
      resource: 'keys/key_admin_demo',
    })
  })
})

describe('denials', () => {
  test('403 and 404 of a known principal say which rule it was, and equal ones are one row', async () => {
    await system.core.journal.flush() // an interval of its own
    const { asset } = await system.upload(text('denied'))
    const path = `/v1/assets/${asset}/archive`
    const options = { key: system.keys['partner-api'], headers: { 'If-Match': '*' } }
    const first = await socket.send('POST', path, options)
    expect(first.status).toBe(403)
    for (let n = 0; n < 4; n++) await socket.send('POST', path, options)
    expect(await rowsOf(first)).toMatchObject([
      {
        actor_kind: 'key',
        product: 'partner-api',
        action: 'asset.archive',
        resource: `assets/${asset}/archive`,
        outcome: 'denied',
        reasons: ['scope-missing:publish'],
        count: 5,
        client: '127.0.0.1',
      },
    ])
    const hidden = await send('GET', `/v1/products/mobile/assets/${asset}/renditions/card`, { key: options.key })
    expect(hidden.status).toBe(404)
    expect(await rowsOf(hidden)).toMatchObject([
      {
        action: 'resolve',
        resource: `assets/${asset}/products/mobile/renditions/card`,
        reasons: ['other-product'],
        actor_kind: 'key',
      },
    ])
    const scope = await send('GET', '/v1/audit', { key: options.key })
    expect(scope.status).toBe(403)
    expect(await rowsOf(scope)).toMatchObject([
      { action: 'read', resource: 'audit', reasons: ['scope-missing:matrix:admin'] },
    ])
  })

  test('a revoked and an expired key are named, and one that is nobody’s is told by its address', async () => {
    await system.core.journal.flush() // an interval of its own
    const { database } = system.core
    const [expired, revoked] = [newSecret(), newSecret()]
    const record = { tenantId: 'demo', productId: 'mobile', label: '', scopes: ['assets:read' as const] }
    await insertKey(database, {
      ...record,
      keyId: 'key_gone1',
      secretHash: hashSecret(expired),
      expiresAt: new Date(0),
    })
    await insertKey(database, { ...record, keyId: 'key_gone2', secretHash: hashSecret(revoked), expiresAt: null })
    expect((await admin('DELETE', '/v1/keys/key_gone2', undefined, { 'If-Match': '*' })).status).toBe(204)
    for (const [key, actor, reason] of [
      [expired, 'key_gone1', 'key-expired'],
      [revoked, 'key_gone2', 'key-revoked'],
    ] as const) {
      const denied = await send('GET', '/v1/assets?collection=avatar', { key })
      expect(denied.status).toBe(401)
      expect(await rowsOf(denied)).toMatchObject([
        { actor, product: 'mobile', reasons: [reason], resource: 'collections/avatar/assets' },
      ])
    }
    await system.core.journal.flush()
    const strangers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => socket.send('GET', `/v1/products/p${n}`, { key: newSecret() })),
    )
    await system.core.journal.flush()
    const found = (await Promise.all(strangers.map(response => rows(response.headers.get('x-request-id'))))).flat()
    expect(found).toMatchObject([
      { actor: 'unknown', actor_kind: 'unknown', resource: '*', count: 12, client: '127.0.0.1' },
    ])
  })

  test('nobody in particular leaves nothing, nor does an ordinary mistake', async () => {
    await system.core.journal.flush()
    const before = (await rows()).length
    await send('GET', `/i/shop-web/${crypto.randomUUID()}/current/card.webp`)
    await send('GET', '/v1/products')
    await admin('GET', '/v1/products/nothing')
    await send('GET', '/nothing/here')
    await send('GET', '/v1/assets?collection=product-photo&limit=x', { key: system.keys['shop-web'] })
    await system.core.journal.flush()
    expect(await rows()).toHaveLength(before)
  })
})

describe('originals', () => {
  test('every answer of one is kept, from where it was asked', async () => {
    await system.core.journal.flush() // an interval of its own
    const { asset, version } = await system.upload(text('original'))
    const key = system.keys['shop-web']
    const asked = await socket.send('GET', `/v1/products/shop-web/assets/${asset}/renditions/original?delivery=json`, {
      key,
    })
    expect(asked.status).toBe(200)
    const delivered = await socket.send('GET', `/i/shop-web/${asset}/v1/original`, { key })
    expect(delivered.status).toBe(302)
    expect(await rowsOf(asked)).toMatchObject([
      {
        action: 'original.read',
        resource: `assets/${asset}/versions/${version}`,
        outcome: 'allowed',
        product: 'shop-web',
        client: '127.0.0.1',
        count: 2,
      },
    ])
  })

  test('a refused one is a denial', async () => {
    const { asset } = await system.upload(text('refused'))
    const refused = await send('GET', `/v1/products/partner-api/assets/${asset}/renditions/original`, {
      key: system.keys['partner-api'],
    })
    expect(refused.status).toBe(403)
    expect(await rowsOf(refused)).toMatchObject([
      { outcome: 'denied', reasons: ['originals-closed'], product: 'partner-api' },
    ])
  })
})

test('every answer through a share link is kept, those of the warm lane too, and never its token', async () => {
  const working = await startSystem()
  const other = await openSocketClient(working)
  try {
    const { asset, version } = await working.upload(await photo({ width: 400, height: 300 }))
    const key = working.keys['shop-web']
    const headers = { Prefer: 'wait=20' }
    const path = `/v1/products/shop-web/assets/${asset}/renditions/card`
    expect((await other.send('GET', path, { key, headers })).status).toBe(302)
    const made = await expectJson<{ id: string; token: string; links: { rendition: string; url: string }[] }>(
      other.send('POST', `/v1/assets/${asset}/shares`, {
        key: ADMIN_KEY,
        body: { product: 'shop-web', original: true },
      }),
      201,
    )
    for (const { rendition, url } of made.links) {
      if (rendition !== 'card' && rendition !== 'original') continue
      for (let n = 0; n < 3; n++) expect((await other.send('GET', new URL(url).pathname)).status).toBe(302)
    }
    await working.core.journal.flush()
    const all = await working.core.database.rows<AuditRow>(ROWS, ['demo', null])
    const resource = `assets/${asset}/versions/${version}`
    const seen = { actor: made.id, actor_kind: 'link', product: 'shop-web', resource, count: 3, client: '127.0.0.1' }
    expect(all.find(({ action }) => action === 'share.read')).toMatchObject(seen)
    expect(all.find(({ action }) => action === 'original.read')).toMatchObject(seen)
    expect(JSON.stringify(all)).not.toContain(made.token)
  } finally {
    await other.close()
    await working.close()
  }
})

test('the doctor follows the end of the chain', async () => {
  const { checks } = await expectJson<{ checks: object[] }>(admin('GET', '/v1/doctor'), 200)
  expect(checks).toContainEqual({
    check: 'audit',
    ok: true,
    detail: expect.objectContaining({ rows: expect.any(Number) }),
  })
})

describe('search', () => {
  const search = async (query: string): Promise<{ items: Record<string, unknown>[]; next_cursor?: string }> =>
    expectJson(admin('GET', `/v1/audit?${query}`), 200)

  test('by actor, action, resource and below, outcome and time', async () => {
    const { asset } = await system.upload(text('searched'))
    const key = system.keys['shop-web']
    const headers = { 'If-Match': '*' }
    expect((await send('POST', `/v1/assets/${asset}/archive`, { key, headers })).status).toBe(200)
    expect(
      (await send('POST', `/v1/assets/${asset}/restore`, { key: system.keys['partner-api'], headers })).status,
    ).toBe(403)
    await system.core.journal.flush()
    const actions = async (query: string) =>
      (await search(query)).items.map(({ action, outcome }) => `${action} ${outcome}`)
    expect(await actions(`resource=assets/${asset}`)).toEqual([
      'asset.restore denied',
      'asset.archive allowed',
      'asset.create allowed',
    ])
    expect(await actions(`resource=/assets/${asset}/restore/`)).toEqual(['asset.restore denied'])
    expect(await actions(`resource=assets/${asset.slice(0, -1)}`)).toEqual([])
    expect(await actions(`resource=assets/${asset}&outcome=allowed&action=asset.archive`)).toEqual([
      'asset.archive allowed',
    ])
    const [row] = (await search(`resource=assets/${asset}&action=asset.create`)).items
    expect(await actions(`resource=assets/${asset}&actor=${row?.actor}`)).toHaveLength(2)
    const [last] = (await search(`resource=assets/${asset}&action=asset.archive`)).items
    expect(await actions(`resource=assets/${asset}&to=${last?.at}`)).toEqual(['asset.create allowed'])
    expect(await actions(`resource=assets/${asset}&from=${last?.at}&outcome=allowed`)).toEqual([
      'asset.archive allowed',
    ])
  })

  test('pages follow each other without gap or repetition, and belong to their question and tenant', async () => {
    const whole = (await search('limit=500')).items.map(({ id }) => id)
    const paged: unknown[] = []
    let cursor: string | undefined
    do {
      const page = await search(`limit=7${cursor === undefined ? '' : `&cursor=${cursor}`}`)
      paged.push(...page.items.map(({ id }) => id))
      cursor = page.next_cursor
    } while (cursor !== undefined)
    expect(paged).toEqual(whole)
    const { next_cursor: first } = await search('limit=1')
    await expectRefusal(admin('GET', `/v1/audit?limit=1&outcome=denied&cursor=${first}`), 400, 'invalid-cursor')
    await expectRefusal(admin('GET', '/v1/audit?cursor=eHg'), 400, 'invalid-cursor')
    await expectRefusal(admin('GET', '/v1/audit?after=1'), 400, 'invalid-request')
    await expectRefusal(admin('GET', '/v1/audit?nothing=1'), 400, 'invalid-request')
  })
})

test('names with markup and line breaks stay what they are: text in JSON', async () => {
  const name = '<script>alert(1)</script>"\\'
  await expectJson(admin('PUT', '/v1/products/markup', { display_name: name }), 201)
  const answer = await admin('GET', '/v1/audit?resource=products/markup')
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect((await expectJson<{ items: object[] }>(answer, 200)).items).toMatchObject([{ after: { display_name: name } }])
  await expectRefusal(admin('PUT', '/v1/products/markup', { display_name: 'a\r\nb' }), 422, 'contract-violation')
  const odd = await send('GET', `/v1/products/${encodeURIComponent('<b>\r\n')}`, { key: system.keys.mobile })
  expect(odd.status).toBeGreaterThanOrEqual(400)
  for (const { resource } of await rowsOf(odd)) expect(resource).toBe('products/:product')
  const copied = await system.call('GET', '/v1/audit', { key: ADMIN_KEY, headers: { Accept: 'application/x-ndjson' } })
  const lines = (await copied.text()).split('\n')
  expect(lines.slice(0, -1).map(line => typeof JSON.parse(line).id)).toEqual(lines.slice(0, -1).map(() => 'string'))
})

test('no secret is in any row, whatever was sent', async () => {
  const made = await expectJson<{ secret: string }>(admin('POST', '/v1/products/mobile/keys', { label: 'x' }), 201)
  const leaked = await expectJson<{ secret: string }>(
    admin('POST', '/v1/products/mobile/keys', { label: made.secret }),
    201,
  )
  await admin(
    'PUT',
    '/v1/products/leaky',
    { display_name: `key is ${leaked.secret}` },
    { 'X-Correlation-Id': made.secret },
  )
  const sent = [newSecret(), `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.${'s'.repeat(40)}`, 'not-a-key-of-ours']
  for (const key of sent) {
    await send('GET', '/v1/assets?collection=avatar', { key })
  }
  for (const secret of [...sent.slice(0, 2), leaked.secret]) {
    await send('GET', `/v1/products/${secret}`, { key: system.keys.mobile })
    await send('GET', `/v1/assets/${secret}`, { key: system.keys.mobile })
    await send('GET', `/v1/assets?collection=${secret}`, { key: system.keys.mobile })
  }
  await system.core.journal.flush()
  const all = JSON.stringify(await rows())
  expect(all).toContain('[redacted]')
  for (const secret of [...sent, made.secret, leaked.secret, ADMIN_KEY, ...Object.values(system.keys)]) {
    expect(all).not.toContain(secret)
    expect(all).not.toContain(hashSecret(secret))
  }
  expect(all).not.toMatch(/X-Amz-Signature|mtx_live_/)
})
