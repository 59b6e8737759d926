/** Erased is gone: rows, objects and names; what others share stays; the receipt tells all of it; and the same bytes may come again. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { disownErased } from '../../src/manifest/erased-bytes.ts'
import { claimNodes, expireLeases, settleNode } from '../../src/manifest/nodes.ts'
import { derivativeKey, originalKey } from '../../src/objects/keys.ts'
import { examine } from '../../src/reconcile/doctor.ts'
import { advanceErasures } from '../../src/reconcile/erase.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { expectConsistent, expectIntact, query } from '../faults/intact.ts'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let key: string

beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  key = system.keys['shop-web']
}, 60_000)
afterAll(() => system.close())

interface Erased {
  readonly id: string
  readonly state: string
  readonly max_exposure_until: string
  readonly cached_until: string
  readonly receipt?: {
    readonly objects: number
    readonly bytes: number
    readonly originals: readonly { readonly digest: string }[]
    readonly derivatives: readonly { readonly digest: string }[]
    readonly kept: readonly { readonly kind: string; readonly digest: string }[]
  }
}

const picture = async (seed: string) => Buffer.concat([await photo({ width: 90, height: 60 }), Buffer.from(seed)])
const upload = async (bytes: Uint8Array, query = 'collection=product-photo') => {
  const made = await system.upload(bytes, query)
  await settled(system)
  return made
}
const erase = (asset: string, options: { key?: string; headers?: Record<string, string> } = {}) =>
  send('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, body: { reason: 'case 7' }, ...options })
const sweep = async () => {
  const sweeping = startSweep(system.core)
  await sweeping.stop()
  await sweeping.once()
}
const finish = async (asset: string): Promise<Erased> => {
  const { id } = await expectJson<Erased>(erase(asset), 202)
  await sweep()
  const done = await expectJson<Erased>(send('GET', `/v1/operations/${id}`, { key: ADMIN_KEY }), 200)
  expect(done.state).toBe('SUCCEEDED')
  return done
}
const card = (asset: string) => `/v1/products/shop-web/assets/${asset}/renditions/card`
const objectsOf = async (asset: string) => ({
  originals: await query<{ key: string }>(
    system.core,
    'select o.object_key as key from original o join asset_version v using (tenant_id, sha256) where v.asset_id = $1',
    [asset],
  ),
  derivatives: await query<{ key: string }>(
    system.core,
    `select distinct d.object_key as key from leaf l join node n using (tenant_id, node_id)
     join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output where l.asset_id = $1`,
    [asset],
  ),
})
const stored = async ({ originals, derivatives }: Awaited<ReturnType<typeof objectsOf>>): Promise<number> => {
  const found = await Promise.all([
    ...originals.map(one => system.core.originals.stat(one.key)),
    ...derivatives.map(one => system.core.derivatives.stat(one.key)),
  ])
  return found.filter(one => one !== undefined).length
}

describe('an erasure', () => {
  test('answers nobody from its request on, removes every object, and says so', async () => {
    const { asset, digest } = await upload(
      await picture('alone'),
      'collection=product-photo&alias=alone&filename=me.jpg',
    )
    const objects = await objectsOf(asset)
    expect(objects.originals).toHaveLength(1)
    expect(objects.derivatives.length).toBeGreaterThan(1)
    const headers = { 'Idempotency-Key': 'erase-1' }
    const first = await erase(asset, { headers })
    expect(first.headers.get('matrix-max-exposure-until')).toMatch(/Z$/)
    const asked = await expectJson<Erased>(first, 202)
    expect(first.headers.get('location')).toBe(`/v1/operations/${asked.id}`)
    await expectRefusal(send('GET', card(asset), { key }), 410, 'asset-erased')
    await expectRefusal(send('GET', `/v1/assets/${asset}`, { key }), 410, 'asset-erased')
    await expectRefusal(send('GET', card(asset), { key: system.keys['partner-api'] }), 404, 'not-found')
    expect((await expectJson<Erased>(erase(asset, { headers }), 202)).id).toBe(asked.id)
    await expectRefusal(erase(asset), 410, 'asset-erased')
    expect(await stored(objects)).toBe(objects.originals.length + objects.derivatives.length)

    await sweep()
    const done = await expectJson<Erased>(send('GET', `/v1/operations/${asked.id}`, { key }), 200)
    expect(done.state).toBe('SUCCEEDED')
    expect(done.receipt?.originals.map(one => one.digest)).toEqual([digest])
    expect(done.receipt?.derivatives).toHaveLength(objects.derivatives.length)
    expect(done.receipt?.kept).toEqual([])
    expect(done.receipt?.objects).toBe(objects.derivatives.length + 1)
    expect(await stored(objects)).toBe(0)
    expect(Date.parse(done.max_exposure_until)).toBeGreaterThan(Date.now())
    expect(done.cached_until).toBe(done.max_exposure_until)

    for (const table of ['leaf', 'rollout_leaf'])
      expect(await query(system.core, `select 1 from ${table} where asset_id = $1`, [asset])).toEqual([])
    const left = 'select alias, active_version, labels, attributes from asset where asset_id = $1'
    expect(await query(system.core, left, [asset])).toEqual([
      { alias: null, active_version: null, labels: [], attributes: {} },
    ])
    const versions = 'select state, sha256, filename from asset_version where asset_id = $1'
    expect(await query(system.core, versions, [asset])).toEqual([{ state: 'PURGED', sha256: null, filename: null }])
    const events = `select type from event where asset_id = $1 and type like 'asset.eras%'`
    expect(await query(system.core, events, [asset])).toEqual([{ type: 'asset.erased' }])
    const audit = `select action, after ->> 'objects' as objects from audit where resource = $1 order by at`
    expect(await query(system.core, audit, [`assets/${asset}`])).toEqual([
      { action: 'asset.create', objects: null },
      { action: 'asset.erase', objects: null },
      { action: 'asset.erased', objects: String(objects.derivatives.length + 1) },
    ])
    await expectConsistent(system.core)
  })

  test('keeps what another asset has, and the last one takes it', async () => {
    const bytes = await picture('shared')
    const [one, other] = [(await upload(bytes)).asset, (await upload(bytes)).asset]
    const objects = await objectsOf(other)
    const kept = await finish(one)
    expect(kept.receipt?.objects).toBe(0)
    expect(kept.receipt?.kept.map(({ kind }) => kind)).toEqual(['original'])
    expect(await stored(objects)).toBe(objects.originals.length + objects.derivatives.length)
    expect((await send('GET', card(other), { key })).status).toBe(302)
    const gone = await finish(other)
    expect(gone.receipt?.objects).toBe(objects.originals.length + objects.derivatives.length)
    expect(await stored(objects)).toBe(0)
  })

  test('takes all versions, and the same bytes come again', async () => {
    const bytes = await picture('again')
    const { asset, digest } = await upload(bytes)
    const version = await picture('again, later')
    await expectJson(send('POST', `/v1/assets/${asset}/versions`, { key, body: new Uint8Array(version) }), 201)
    await settled(system)
    const done = await finish(asset)
    expect(done.receipt?.originals).toHaveLength(2)
    const objectKey = originalKey(system.config.tenant, digest.replace('sha256:', ''))
    expect(await system.core.originals.stat(objectKey)).toBeUndefined()
    const anew = await upload(bytes)
    expect(anew).toMatchObject({ digest, deduplicated: false })
    expect(await system.core.originals.stat(objectKey)).toMatchObject({ bytes: bytes.length })
    expect((await send('GET', card(anew.asset), { key })).status).toBe(302)
    await sweep()
    expect(await system.core.originals.stat(objectKey)).toMatchObject({ bytes: bytes.length })
    await finish(anew.asset)
  })

  test('bytes that come while they are about to be deleted are kept', async () => {
    const bytes = await picture('meanwhile')
    const { asset } = await upload(bytes)
    await expectJson(erase(asset), 202)
    const stubborn = {
      ...system.core,
      originals: { ...system.core.originals, delete: () => Promise.reject(new Error('away')) },
      derivatives: { ...system.core.derivatives, delete: () => Promise.reject(new Error('away')) },
    }
    const sweeping = startSweep(stubborn)
    await sweeping.stop()
    await expect(sweeping.once()).rejects.toThrow('away')
    const doomed =
      'select kind from erasure_object o join erasure e using (tenant_id, erasure_id) where asset_id = $1 and o.state = $2'
    expect((await query(system.core, doomed, [asset, 'DOOMED'])).length).toBeGreaterThan(1)
    const anew = await upload(bytes)
    const objects = await objectsOf(anew.asset)
    await query(system.core, `update erasure_object set not_before = now()`)
    await sweep()
    expect(await query(system.core, doomed, [asset, 'DELETED'])).toEqual([])
    expect(await stored(objects)).toBe(objects.originals.length + objects.derivatives.length)
    expect((await send('GET', card(anew.asset), { key })).status).toBe(302)
  })

  test('of what is laid on others is refused while it is', async () => {
    const { asset } = await upload(await picture('logo'))
    const path = '/v1/collections/product-photo/products/shop-web/renditions/branded'
    const recipe = { recipe: { resize: { w: 50 }, composite: { asset }, formats: ['jpeg'] } }
    await expectJson(send('PUT', path, { key, body: recipe }), 201)
    const branded = await upload(await picture('branded'))
    const refused = await expectRefusal(erase(asset), 409, 'conflict')
    expect(refused.renditions).toEqual(['product-photo/shop-web/branded'])
    expect((await send('DELETE', path, { key, headers: { 'If-Match': '*' } })).status).toBe(204)
    const done = await finish(asset)
    // Equal pixels of other assets are equal outputs, which those keep.
    expect(done.receipt?.kept.filter(({ kind }) => kind === 'original')).toEqual([])
    const laid = `select 1 from leaf where asset_id = $1 and rendition = 'branded'`
    expect(await query(system.core, laid, [branded.asset])).toEqual([])
    expect((await send('GET', card(branded.asset), { key })).status).toBe(302)
  })

  test('is for owners with the scope, seen by them and administrators, and not held up', async () => {
    const { asset } = await upload(await picture('scopes'))
    await expectRefusal(erase(asset, { key }), 403, 'forbidden')
    const scopes = ['resolve', 'assets:read', 'assets:write', 'assets:erase']
    const keyOf = async (product: string) =>
      (
        await expectJson<{ secret: string }>(
          send('POST', `/v1/products/${product}/keys`, { key: ADMIN_KEY, body: { scopes } }),
          201,
        )
      ).secret
    const mobile = await keyOf('mobile')
    expect(await expectRefusal(erase(asset, { key: mobile }), 403, 'forbidden')).toMatchObject({
      reasons: [expect.stringMatching(/only-owners-erase|reader-never-mutates/)],
    })
    const own = await keyOf('shop-web')
    const { id } = await expectJson<Erased>(erase(asset, { key: own }), 202)
    await expectJson(send('GET', `/v1/operations/${id}`, { key: own }), 200)
    await expectRefusal(send('GET', `/v1/operations/${id}`, { key: mobile }), 404, 'not-found')
    await expectRefusal(send('POST', `/v1/operations/${id}/cancel`, { key: own }), 409, 'conflict')
    const listed = await expectJson<{ items: Erased[] }>(send('GET', '/v1/operations?state=RUNNING', { key: own }), 200)
    expect(listed.items.map(one => one.id)).toContain(id)
    await sweep()
    const over = await expectJson<{ items: Erased[] }>(send('GET', '/v1/operations?state=RUNNING', { key: own }), 200)
    expect(over.items.map(one => one.id)).not.toContain(id)
  })
})

describe('what a worker has in hand', () => {
  let own: System
  beforeAll(async () => {
    own = await startSystem({ worker: false })
  }, 60_000)
  afterAll(() => own.close())

  const inHand = async (seed: string) => {
    const bytes = await picture(seed)
    const { asset } = await own.upload(bytes)
    const original = createHash('sha256').update(bytes).digest('hex')
    const wish = { tenant: own.config.tenant, original, owner: 'test', limit: 1, leaseMs: 60_000 }
    const [node] = await claimNodes(own.core.database, wish)
    const output = Buffer.from(`an output of ${seed}`)
    const sha256 = createHash('sha256').update(output).digest('hex')
    const objectKey = derivativeKey(own.config.tenant, sha256)
    const put = () =>
      own.core.derivatives.put({ key: objectKey, body: output, bytes: output.length, sha256, mediaType: 'image/jpeg' })
    const derivative = { sha256, bytes: output.length, mediaType: 'image/jpeg', width: 1, height: 1, objectKey }
    const asked = own.call('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, body: { reason: 'test' } })
    const { id } = await expectJson<Erased>(asked, 202)
    return { id, node: node ?? expect.unreachable(), derivative, put }
  }
  const cause = { actor: 'test', correlationId: 'test' }
  const stateOf = async (id: string) =>
    (await query<{ state: string }>(own.core, 'select state from erasure where erasure_id = $1', [id]))[0]?.state
  const advance = () => advanceErasures(own.core)

  test('is waited for, and goes when it is done', async () => {
    const { id, node, derivative, put } = await inHand('waited for')
    await advance()
    expect(await stateOf(id)).toBe('FORGETTING')
    expect(await (await own.call('GET', '/metrics')).text()).toMatch(/matrix_erasures_open 1\n/)
    const check = async () => (await examine(own.core)).checks.find(one => one.check === 'erasures')
    expect(await check()).toMatchObject({ ok: true, detail: { open: 1 } })
    await query(own.core, `update erasure set requested_at = now() - interval '1 hour'`)
    expect(await check()).toMatchObject({ ok: false })
    await put()
    const settled = { node, derivative, cpuMs: 1, aloneCpuMs: 1, cause, restore: put }
    expect(await settleNode(own.core.database, settled)).toBeDefined()
    await advance()
    expect(await stateOf(id)).toBe('DONE')
    expect(await own.core.derivatives.stat(derivative.objectKey)).toBeUndefined()
  })

  test('and comes too late is deleted as well', async () => {
    const { id, node, derivative, put } = await inHand('too late')
    await query(own.core, `update node set lease_until = now() - interval '1 second' where state = 'RUNNING'`)
    await expireLeases(own.core.database, cause)
    await advance()
    expect(await stateOf(id)).toBe('DONE')
    await put()
    const settled = { node, derivative, cpuMs: 1, aloneCpuMs: 1, cause, restore: put }
    expect(await settleNode(own.core.database, settled)).toBeUndefined()
    await disownErased(own.core.database, node, derivative)
    await advance()
    expect(await own.core.derivatives.stat(derivative.objectKey)).toBeUndefined()
    await expectConsistent(own.core)
  })
})

test('nothing is left over and nothing is missing', () =>
  expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder }))
