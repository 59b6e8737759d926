/** What assets are called in other systems: given at every entrance, found by it, taken together or not at all, forgotten. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { carryToEnd } from '../support/sagas.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'

interface Name {
  readonly namespace: string
  readonly external_id: string
}

let system: System
let send: Send
let key = ''
let place: Place
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any' } })
  send = await openClient(system)
  key = system.keys['shop-web']
  await send('PUT', '/v1/collections/texts', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  place = await openHttp((_, response) => response.end(`fetched ${randomUUID()}`))
})
afterAll(async () => {
  await place.close()
  await system.close()
})

const text = () => new TextEncoder().encode(`a text ${randomUUID()}`)
const fresh = (): string => randomUUID().slice(0, 13)
const idOf = async (answer: Promise<Response>, status = 201): Promise<string> =>
  (await expectJson<{ asset: string }>(answer, status)).asset
const upload = (said = '', options: CallOptions = {}) =>
  send('POST', `/v1/assets?collection=texts${said}`, { key, body: text(), ...options })
const change = (asset: string, body: { add?: readonly Name[]; remove?: readonly Name[] }, by = key) =>
  send('POST', `/v1/assets/${asset}/aliases`, { key: by, body })
const find = (namespace: string, id: string, by = key) =>
  send('GET', `/v1/aliases/${namespace}/${encodeURIComponent(id)}`, { key: by })
const found = async (namespace: string, id: string): Promise<string> =>
  (await expectJson<{ id: string }>(find(namespace, id), 200)).id
const namesOf = async (asset: string): Promise<string[]> => {
  const { items } = await expectJson<{ items: Name[] }>(send('GET', `/v1/assets/${asset}/aliases`, { key }), 200)
  return items.map(({ namespace, external_id }) => `${namespace}:${external_id}`)
}
const name = (external_id: string, namespace = 'erp'): Name => ({ namespace, external_id })
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('are given', () => {
  test('with the bytes, with a URL, and with a version', async () => {
    const [one, two, three] = [fresh(), fresh(), fresh()]
    const sent = await idOf(upload(`&alias=own:${one}&aliases=erp:${one},dam:a%252Cb%2520${one}`))
    expect(await namesOf(sent)).toEqual([`dam:a,b ${one}`, `erp:${one}`])
    expect(await found('dam', `a,b ${one}`)).toBe(sent)
    expect(await found('alias', `own:${one}`)).toBe(sent)
    const body = { source_url: `http://127.0.0.1:${place.port}/a.txt`, collection: 'texts', aliases: [name(two)] }
    const fetched = await idOf(send('POST', '/v1/assets', { key, body }))
    expect(await found('erp', two)).toBe(fetched)
    const path = `/v1/assets/${sent}/versions?aliases=erp:${three},erp:${one}`
    expect(await idOf(send('POST', path, { key, body: text() }))).toBe(sent)
    expect(await namesOf(sent)).toEqual([`dam:a,b ${one}`, ...[`erp:${one}`, `erp:${three}`].sort()])
  })

  test('by an upload that is staged, and in pieces', async () => {
    const [one, two] = [fresh(), fresh()]
    const bytes = randomBytes(100)
    const wish = { collection: 'texts', bytes: 100, sha256: sha256(bytes), aliases: [name(one)] }
    const reserved = await expectJson<{ upload_id: string; url: string; headers: Record<string, string> }>(
      send('POST', '/v1/uploads', { key, body: wish }),
      201,
    )
    expect((await fetch(reserved.url, { method: 'PUT', headers: reserved.headers, body: bytes })).status).toBe(200)
    const staged = await idOf(send('POST', `/v1/uploads/${reserved.upload_id}/complete`, { key }))
    expect(await found('erp', one)).toBe(staged)
    const rows = await query(system.core, 'select wish from upload where upload_id = $1', [reserved.upload_id])
    expect(JSON.stringify(rows)).not.toContain(one)

    const metadata = { collection: 'texts', aliases: `erp:${two}` }
    const encoded = Object.entries(metadata).map(([at, said]) => `${at} ${Buffer.from(said).toString('base64')}`)
    const made = await send('POST', '/v1/tus', {
      key,
      body: new Uint8Array(bytes),
      headers: {
        'Tus-Resumable': '1.0.0',
        'Upload-Length': '100',
        'Upload-Metadata': encoded.join(','),
        'Content-Type': 'application/offset+octet-stream',
      },
    })
    expect(made.status, await made.clone().text()).toBe(201)
    expect(await found('erp', two)).toBe(made.headers.get('matrix-asset'))
  })

  test('by lines of an import, each in one line, and an undo frees them', async () => {
    const one = fresh()
    const stored = await expectJson<{ digest: string }>(upload(), 201)
    const line = { sha256: stored.digest.slice('sha256:'.length), collection: 'texts', aliases: [name(one)] }
    const post = (lines: readonly object[]) =>
      send('POST', '/v1/assets/import', {
        key,
        body: lines.map(line => JSON.stringify(line)).join('\n'),
        headers: { 'Content-Type': 'application/x-ndjson' },
      })
    const twice = await expectRefusal(post([line, line]), 422, 'contract-violation')
    expect(twice.errors).toEqual([expect.objectContaining({ pointer: '/2/aliases' })])
    const asset = await found('alias', await aliasOf())
    const ofVersion = await expectRefusal(post([{ ...line, collection: undefined, asset }]), 422, 'contract-violation')
    expect(ofVersion.errors).toEqual([expect.objectContaining({ pointer: '/1/aliases' })])

    const { id } = await expectJson<{ id: string }>(post([line]), 202)
    await carryToEnd(system.gateway, { tenant: system.config.tenant, id })
    expect(await namesOf(await found('erp', one))).toEqual([`erp:${one}`])
    await expectJson(send('POST', `/v1/operations/${id}/undo`, { key }), 200)
    await carryToEnd(system.gateway, { tenant: system.config.tenant, id })
    await expectRefusal(find('erp', one), 404, 'not-found')
    await idOf(upload(`&aliases=erp:${one}`))
  })
  const aliasOf = async (): Promise<string> => {
    const alias = `own-${fresh()}`
    await idOf(upload(`&alias=${alias}`))
    return alias
  }
})

describe('one names one asset', () => {
  test('the same again is the same, and another asset hears nothing of whose it is', async () => {
    const [one, two] = [fresh(), fresh()]
    const first = await idOf(upload(`&aliases=erp:${one}`))
    const second = await idOf(upload())
    const add = [name(one), name(two), name(one)]
    await expectJson(change(first, { add }), 200)
    await expectJson(change(first, { add }), 200)
    expect(await namesOf(first)).toEqual([`erp:${one}`, `erp:${two}`].sort())
    for (const answer of [
      change(second, { add: [name(fresh()), name(two)] }),
      upload(`&aliases=erp:${fresh()},erp:${two}`),
    ]) {
      const problem = await expectRefusal(answer, 409, 'alias-conflict')
      expect(JSON.stringify(problem)).not.toContain(first)
    }
    expect(await namesOf(second)).toEqual([])
  })

  test('what is refused for a name leaves nothing, and reads no bytes', async () => {
    const one = fresh()
    await idOf(upload(`&aliases=erp:${one}`))
    await leavesNothing(system, async () => {
      await expectRefusal(upload(`&aliases=dam:${one},erp:${one}`), 409, 'alias-conflict')
      await expectRefusal(upload('&aliases=erp:ada@example.org'), 400, 'invalid-request')
      await expectRefusal(upload('&aliases=alias:x'), 400, 'invalid-request')
    })
    const body = { collection: 'texts', bytes: 1, aliases: [name('+49 30 1234567')] }
    const problem = await expectRefusal(send('POST', '/v1/uploads', { key, body }), 422, 'contract-violation')
    expect(problem.errors).toEqual([expect.objectContaining({ pointer: '/aliases/0/external_id' })])
  })

  test('of twenty who want the same two in either order one has them, both', async () => {
    const [one, two] = [fresh(), fresh()]
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        upload(`&aliases=${(n % 2 ? [one, two] : [two, one]).map(id => `erp:${id}`)}`),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)])
    expect(await found('erp', one)).toBe(await found('erp', two))
  })

  test('and is free once it is taken away, or its asset erased', async () => {
    const [one, two] = [fresh(), fresh()]
    const first = await idOf(upload(`&aliases=erp:${one},erp:${two}`))
    await expectJson(change(first, { remove: [name(one), name('never had')] }), 200)
    const second = await idOf(upload(`&aliases=erp:${one}`))
    await expectRefusal(change(second, { remove: [name(two)], add: [name(two)] }), 409, 'alias-conflict')
    const erase = { key: ADMIN_KEY, headers: { 'If-Match': '*' }, body: { reason: 'legal' } }
    await expectJson(send('POST', `/v1/assets/${first}/erase`, erase), 202)
    await expectRefusal(find('erp', two), 404, 'not-found')
    await expectJson(change(second, { add: [name(two)] }), 200)
    expect(await query(system.core, 'select 1 from asset_alias where asset_id = $1', [first])).toEqual([])
  })

  test('an asset has a hundred, and no more', async () => {
    const asset = await idOf(upload())
    const some = (count: number) => Array.from({ length: count }, () => name(fresh()))
    await expectJson(change(asset, { add: some(50) }), 200)
    await expectJson(change(asset, { add: some(49) }), 200)
    const problem = await expectRefusal(change(asset, { add: some(2) }), 422, 'contract-violation')
    expect(problem.errors).toEqual([expect.objectContaining({ rule: 'too_many' })])
    expect(await namesOf(asset)).toHaveLength(99)
  })
})

describe('who sees them', () => {
  test('a name that is hidden is answered as one that nobody has', async () => {
    const one = fresh()
    await idOf(upload(`&aliases=erp:${one}`))
    const mobile = system.keys.mobile
    const hidden = await expectRefusal(find('erp', one, mobile), 404, 'not-found')
    const missing = await expectRefusal(find('erp', fresh(), mobile), 404, 'not-found')
    const { instance: _, ...said } = hidden
    expect(missing).toMatchObject(said)
  })

  test('the asset is answered as under its id, by its tag too', async () => {
    const one = fresh()
    const asset = await idOf(upload(`&aliases=erp:${one}`))
    const named = await find('erp', one)
    expect(named.headers.get('content-location')).toBe(`/v1/assets/${asset}`)
    const etag = named.headers.get('etag') ?? ''
    expect(await named.json()).toEqual(await (await send('GET', `/v1/assets/${asset}`, { key })).json())
    const again = await send('GET', `/v1/aliases/erp/${one}`, { key, headers: { 'If-None-Match': etag } })
    expect(again.status).toBe(304)
  })

  test.each(['a/b', 'a%2Fb', '100%', 'a?b#c', 'ü ö', '%2e%2e', '資産'])('whatever it is: %s', async id => {
    const one = `${id} ${fresh()}`
    const asset = await idOf(upload())
    await expectJson(change(asset, { add: [name(one)] }), 200)
    expect(await found('erp', one)).toBe(asset)
  })

  test('events and audit tell namespaces, and no names', async () => {
    const one = `secret-${fresh()}`
    const asset = await idOf(upload())
    await expectJson(change(asset, { add: [name(one), name(one, 'dam')] }), 200)
    await expectJson(change(asset, { remove: [name(one)] }), 200)
    await expectJson(change(asset, { remove: [name(one)] }), 200)
    const events = await query<{ data: object }>(
      system.core,
      `select data from event where asset_id = $1 and type = 'asset.aliases_changed' order by asset_event_no`,
      [asset],
    )
    expect(events.map(({ data }) => data)).toEqual([
      { asset, added: ['dam', 'erp'] },
      { asset, removed: ['erp'] },
    ])
    const audit = await query(system.core, `select after from audit where resource = $1 and action = 'asset.name'`, [
      `assets/${asset}`,
    ])
    expect(audit).toHaveLength(3)
    expect(JSON.stringify(audit)).not.toContain(one)
  })
})

test('an editor writes them where his grant says so, with bytes and without', async () => {
  const mobile = system.keys.mobile
  const grant = (attributes: readonly string[]) =>
    send('PUT', '/v1/collections/texts/grants/mobile', { key: ADMIN_KEY, body: { role: 'editor', attributes } })
  const asset = await idOf(upload())
  const versions = `/v1/assets/${asset}/versions?publish=manual&aliases=erp:${fresh()}`
  await expectJson(grant(['labels']), 201)
  const add = [name(fresh())]
  for (const answer of [
    change(asset, { add }, mobile),
    send('POST', versions, { key: mobile, body: text() }),
    upload(`&aliases=erp:${fresh()}`, { key: mobile }),
  ])
    expect(await expectRefusal(answer, 403, 'attribute-forbidden')).toMatchObject({ attributes: ['aliases'] })
  await expectJson(grant(['labels', 'aliases']), 200)
  await expectJson(change(asset, { add }, mobile), 200)
  await expectJson(send('POST', versions, { key: mobile, body: text() }), 201)
  const gone = await send('DELETE', '/v1/collections/texts/grants/mobile', {
    key: ADMIN_KEY,
    headers: { 'If-Match': '*' },
  })
  expect(gone.status).toBe(204)
})

test('a collection takes names of its namespaces alone, whenever they are given', async () => {
  const rules = { alias_namespaces: ['erp', 'dam'] }
  await expectJson(
    send('PUT', '/v1/collections/strict-names', { key: ADMIN_KEY, body: { owner: 'shop-web', rules } }),
    201,
  )
  const path = '/v1/assets?collection=strict-names'
  const refused = await expectRefusal(
    send('POST', `${path}&aliases=erp:1,crm:2`, { key, body: text() }),
    422,
    'contract-violation',
  )
  expect(refused.errors).toEqual([expect.objectContaining({ rule: 'alias_namespaces', pointer: 'aliases' })])
  const asset = await idOf(send('POST', `${path}&aliases=erp:strict-1`, { key, body: text() }))
  await expectRefusal(change(asset, { add: [name('2', 'crm')] }), 422, 'contract-violation')
  await expectJson(change(asset, { add: [name('strict-2', 'dam')] }), 200)
})
