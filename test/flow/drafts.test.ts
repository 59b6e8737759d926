/** Versions that nobody has published: who sees them, what is known of them, and how they go. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { expectIntact, query } from '../faults/intact.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const HOUR_MS = 3_600_000

let system: System
let send: Send
let jpeg: Buffer
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  jpeg = await photo({ width: 64, height: 48 })
})
afterAll(() => system.close())

type Product = keyof System['keys']
const fresh = (): Buffer => Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])
const stateOf = async (asset: string, version: number): Promise<string | undefined> =>
  (
    await query<{ state: string }>(
      system.core,
      'select state from asset_version where asset_id = $1 and version = $2',
      [asset, version],
    )
  )[0]?.state
const reaches = (asset: string, version: number, state: string) =>
  until(`version ${version} is ${state}`, async () => (await stateOf(asset, version)) === state, { withinMs: 20_000 })
const addVersion = async (asset: string, publish: string, bytes = fresh()): Promise<number> => {
  const path = `/v1/assets/${asset}/versions?publish=${publish}`
  const made = await send('POST', path, { key: system.keys['shop-web'], body: new Uint8Array(bytes) })
  return (await expectJson<{ version: number }>(made, 201)).version
}
const shownAndDraft = async (): Promise<string> => {
  const { asset } = await system.upload(fresh())
  await reaches(asset, 1, 'ACTIVE')
  await addVersion(asset, 'manual')
  await reaches(asset, 2, 'READY')
  return asset
}
const act = (asset: string, verb: string, body: object) =>
  send('POST', `/v1/assets/${asset}/${verb}`, { key: system.keys['shop-web'], body, headers: { 'If-Match': '*' } })
const discard = (asset: string, version: number, tag = '*', key = system.keys['shop-web']) =>
  send('DELETE', `/v1/assets/${asset}/versions/${version}`, { key, headers: { 'If-Match': tag } })
const rendition = (product: Product, asset: string, query = '') => {
  const name = { 'shop-web': 'card', mobile: 'tile', 'partner-api': 'feed' }[product]
  return send('GET', `/v1/products/${product}/assets/${asset}/renditions/${name}${query}`, {
    key: system.keys[product],
    headers: { Accept: 'application/json' },
  })
}
const sweep = async (): Promise<void> => {
  const round = startSweep(system.core)
  await round.stop()
  await round.once()
}

describe('a draft', () => {
  test('is shown under its number to who may publish it, and to nobody else', async () => {
    const asset = await shownAndDraft()
    expect(await expectJson(rendition('shop-web', asset, '?version=2'), 200)).toMatchObject({ version: 2 })
    expect(await expectJson(rendition('shop-web', asset), 200)).toMatchObject({ version: 1 })
    expect(await expectJson(rendition('mobile', asset, '?version=2'), 200)).toMatchObject({ version: 2 })
    const reader = 'partner-api'
    const key = system.keys[reader]
    await expectRefusal(rendition(reader, asset, '?version=2'), 404, 'not-found')
    expect(await expectJson(rendition(reader, asset), 200)).toMatchObject({ version: 1 })
    await expectRefusal(send('GET', `/i/${reader}/${asset}/v2/original`, { key }), 403, 'forbidden')
    const listed = await expectJson<{ items: object[] }>(send('GET', `/v1/assets/${asset}/versions`, { key }), 200)
    expect(listed.items).toMatchObject([{ version: 1 }])
    await expectRefusal(send('GET', `/v1/assets/${asset}/versions/2`, { key }), 404, 'not-found')
    await expectRefusal(send('GET', `/v1/assets/${asset}/versions/2/compare`, { key }), 404, 'not-found')
    await expectRefusal(discard(asset, 2, '*', key), 403, 'forbidden')
    // What has been published stays to be had by everybody, once it is not the current one any more.
    await expectJson(act(asset, 'publish', { version: 2 }), 200)
    expect(await expectJson(rendition('partner-api', asset, '?version=1'), 200)).toMatchObject({ version: 1 })
  })

  test('is not shown by a share link, and is by an administrator', async () => {
    const asset = await shownAndDraft()
    const share = await expectJson<{ links: { rendition: string; url: string }[] }>(
      send('POST', `/v1/assets/${asset}/shares`, { key: system.keys['shop-web'], body: { renditions: ['card'] } }),
      201,
    )
    const { pathname } = new URL(share.links[0]?.url ?? '')
    expect((await send('GET', pathname)).status).toBe(302)
    await expectRefusal(send('GET', pathname.replace('/current/', '/v2/')), 404, 'not-found')
    const path = `/v1/products/mobile/assets/${asset}/renditions/tile?version=2&delivery=json`
    expect(await expectJson(send('GET', path, { key: ADMIN_KEY }), 200)).toMatchObject({ version: 2 })
  })

  test('is listed, with assets and with versions', async () => {
    const asset = await shownAndDraft()
    const list = async (state: string, key: string): Promise<string[]> => {
      const path = `/v1/assets?collection=product-photo&limit=500&state=${state}`
      return (await expectJson<{ items: { id: string }[] }>(send('GET', path, { key }), 200)).items.map(({ id }) => id)
    }
    for (const key of [system.keys['shop-web'], ADMIN_KEY]) {
      expect(await list('DRAFT', key)).toContain(asset)
      expect(await list('ACTIVE', key)).toContain(asset)
      expect(await list('PENDING', key)).not.toContain(asset)
      expect(await list('ARCHIVED', key)).not.toContain(asset)
    }
    expect(await list('DRAFT', system.keys['partner-api'])).toEqual([])
    expect(await list('ACTIVE', system.keys['partner-api'])).toContain(asset)
    await expectJson(act(asset, 'publish', { version: 2 }), 200)
    expect(await list('DRAFT', ADMIN_KEY)).not.toContain(asset)
    const versions = send('GET', `/v1/assets/${asset}/versions?state=ARCHIVED`, { key: system.keys['partner-api'] })
    expect((await expectJson<{ items: object[] }>(versions, 200)).items).toMatchObject([{ version: 1 }])
    await expectRefusal(send('GET', `/v1/assets/${asset}/versions?state=X`, { key: ADMIN_KEY }), 400, 'invalid-request')
  })

  test('is compared with the current version, by what is known of both', async () => {
    const { asset } = await system.upload(fresh())
    await reaches(asset, 1, 'ACTIVE')
    await addVersion(asset, 'manual', await photo({ width: 80, height: 48 }))
    const compare = (rest: string) =>
      send('GET', `/v1/assets/${asset}/versions/${rest}`, { key: system.keys['shop-web'] })
    expect(await expectJson(compare('2/compare'), 200)).toMatchObject({
      version: 2,
      with: 1,
      same_content: false,
      changes: { width: { version: 80, with: 64 }, state: { with: 'ACTIVE' }, digest: expect.anything() },
    })
    expect(await expectJson(compare('1/compare?with=1'), 200)).toMatchObject({ same_content: true, changes: {} })
    await expectRefusal(compare('2/compare?with=9'), 404, 'not-found')
  })

  test('is discarded with what it alone was made of, and nothing else', async () => {
    const bytes = fresh()
    const { asset } = await system.upload(bytes)
    await reaches(asset, 1, 'ACTIVE')
    await addVersion(asset, 'manual')
    await addVersion(asset, 'manual', bytes)
    await reaches(asset, 2, 'READY')
    await reaches(asset, 3, 'READY')
    for (const version of [2, 3]) {
      const gone = await discard(asset, version, '"p1"')
      const operation = await expectJson<{ id: string; version: number }>(gone, 202)
      expect(operation).toMatchObject({ kind: 'erase', version, reason: 'discarded', state: 'RUNNING' })
      await sweep()
      const path = `/v1/operations/${operation.id}`
      const { receipt } = await expectJson<{ receipt: { originals: object[]; kept: { kind: string }[] } }>(
        send('GET', path, { key: system.keys['shop-web'] }),
        200,
      )
      const kept = receipt.kept.filter(({ kind }) => kind === 'original')
      expect([receipt.originals.length, kept.length]).toEqual(version === 2 ? [1, 0] : [0, 1])
      await expectRefusal(discard(asset, version), 410, 'version-purged')
      await expectRefusal(rendition('shop-web', asset, `?version=${version}`), 410, 'version-purged')
      await expectRefusal(act(asset, 'publish', { version }), 410, 'version-purged')
      await expectRefusal(act(asset, 'rollback', { to: version }), 410, 'version-purged')
    }
    expect(await expectJson(rendition('shop-web', asset), 200)).toMatchObject({ version: 1 })
    expect(
      await query(system.core, `select type from event where asset_id = $1 and type = 'asset.version_purged'`, [asset]),
    ).toHaveLength(2)
  })

  test('is not discarded once it was published, or while it is to be', async () => {
    const asset = await shownAndDraft()
    const at = new Date(Date.now() + HOUR_MS).toISOString()
    const path = `/v1/assets/${asset}/schedule`
    const headers = { 'If-Match': '*' }
    await expectJson(send('PUT', path, { key: ADMIN_KEY, headers, body: { publish: { version: 2, at } } }), 200)
    await leavesNothing(system, async () => {
      await expectRefusal(discard(asset, 2), 409, 'conflict')
      await expectRefusal(discard(asset, 1), 409, 'conflict')
      await expectRefusal(discard(asset, 9), 404, 'not-found')
      await expectRefusal(discard(asset, 2, '"p0"'), 412, 'precondition-failed')
      const bare = send('DELETE', `/v1/assets/${asset}/versions/2`, { key: ADMIN_KEY })
      await expectRefusal(bare, 428, 'precondition-required')
    })
    await expectJson(act(asset, 'publish', { version: 2 }), 200)
    await leavesNothing(system, () => expectRefusal(discard(asset, 1), 409, 'conflict'))
  })
})

describe('a collection that keeps two versions', () => {
  const put = (body: object, query = '') =>
    send('PUT', `/v1/collections/product-photo${query}`, { key: ADMIN_KEY, body: { owner: 'shop-web', ...body } })
  /** As if it had been so long ago. */
  const graceIsOver = () =>
    query(
      system.core,
      `update asset_version set archived_at = archived_at - interval '60 days' where state = 'ARCHIVED'`,
    )
  const publishedInTurn = async (versions: number): Promise<string> => {
    const { asset } = await system.upload(fresh())
    await reaches(asset, 1, 'ACTIVE')
    for (let version = 2; version <= versions; version++) {
      await addVersion(asset, 'when-ready')
      await reaches(asset, version, 'ACTIVE')
    }
    return asset
  }
  const states = async (asset: string): Promise<unknown[]> =>
    (
      await query<{ state: string }>(
        system.core,
        'select state from asset_version where asset_id = $1 order by version',
        [asset],
      )
    ).map(({ state }) => state)

  test('purges those that were shown before them, once their grace is over', async () => {
    const asset = await publishedInTurn(4)
    const dry = await expectJson<{ would_purge: { versions: number; sample: object[] } }>(
      put({ keep_versions: 2 }, '?validate_only=true'),
      200,
    )
    expect(dry.would_purge.sample).toEqual([1, 2].map(version => ({ asset, version })))
    await graceIsOver()
    await sweep()
    expect(await states(asset)).toEqual(['ARCHIVED', 'ARCHIVED', 'ARCHIVED', 'ACTIVE'])
    expect(await expectJson(put({ keep_versions: 2 }), 200)).toMatchObject({ keep_versions: 2 })
    // Of what has not been shown for the grace, the one that comes back stays; so does the one that is to.
    await expectJson(act(asset, 'rollback', { to: 1 }), 200)
    const at = new Date(Date.now() + HOUR_MS).toISOString()
    const path = `/v1/assets/${asset}/schedule`
    await expectJson(
      send('PUT', path, { key: ADMIN_KEY, headers: { 'If-Match': '*' }, body: { publish: { version: 2, at } } }),
      200,
    )
    await sweep()
    expect(await states(asset)).toEqual(['ACTIVE', 'ARCHIVED', 'PURGED', 'ARCHIVED'])
    await expectRefusal(act(asset, 'rollback', { to: 3 }), 410, 'version-purged')
    await expectRefusal(rendition('mobile', asset, '?version=3'), 410, 'version-purged')
    const gone = await send('DELETE', path, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })
    expect(gone.status).toBe(204)
    await sweep()
    expect(await states(asset)).toEqual(['ACTIVE', 'PURGED', 'PURGED', 'ARCHIVED'])
    expect(await expectJson(act(asset, 'rollback', {}), 200)).toMatchObject({ version: 4 })
    expect(
      await query(system.core, `select tags from purge where reason = 'version' and subject like $1 order by 1`, [
        `assets/${asset}/%`,
      ]),
    ).toEqual([{ tags: [`v:${asset}.2`] }, { tags: [`v:${asset}.3`] }])
    expect(
      await query(system.core, `select action, actor from audit where resource = $1 order by action`, [
        `assets/${asset}/versions/3`,
      ]),
    ).toEqual([
      { action: 'version.purge', actor: 'sweep' },
      { action: 'version.purged', actor: 'sweep' },
    ])
  })

  test('keeps what is within its grace, and drafts', async () => {
    const asset = await publishedInTurn(4)
    await addVersion(asset, 'manual')
    await reaches(asset, 5, 'READY')
    await sweep()
    expect(await states(asset)).toEqual(['ARCHIVED', 'ARCHIVED', 'ARCHIVED', 'ACTIVE', 'READY'])
    await graceIsOver()
    await sweep()
    expect(await states(asset)).toEqual(['PURGED', 'PURGED', 'ARCHIVED', 'ACTIVE', 'READY'])
  })

  test('keeps all again where it does not say', async () => {
    const asset = await publishedInTurn(3)
    expect(await expectJson(put({}), 200)).not.toHaveProperty('keep_versions')
    await graceIsOver()
    await sweep()
    expect(await states(asset)).toEqual(['ARCHIVED', 'ARCHIVED', 'ACTIVE'])
    for (const keep_versions of [0, -1, 1.5, 1001, null, 'two'])
      await expectRefusal(put({ keep_versions }), 422, 'contract-violation')
  })

  test('and an asset that is erased later leaves nothing', async () => {
    await expectJson(put({ keep_versions: 1 }), 200)
    const asset = await publishedInTurn(3)
    await graceIsOver()
    await sweep()
    expect(await states(asset)).toEqual(['PURGED', 'PURGED', 'ACTIVE'])
    const erased = send('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, body: { reason: 'case 1' } })
    await expectJson(erased, 202)
    await sweep()
    expect(await states(asset)).toEqual(['PURGED', 'PURGED', 'PURGED'])
  })
})

test('in the end rows, objects and events agree', async () => {
  await query(system.core, `delete from schedule`)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
})
