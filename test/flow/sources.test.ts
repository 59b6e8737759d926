/** Other systems say what is new with them, and it is made true. */
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSealing } from '../../src/lib/sealed.ts'
import { finishItem, takeItems } from '../../src/manifest/source-events.ts'
import { openS3Store } from '../../src/objects/s3.ts'
import { percentEncode } from '../../src/objects/s3-presign.ts'
import { examine } from '../../src/reconcile/doctor.ts'
import { advanceErasures } from '../../src/reconcile/erase.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { startEmbeddedS3 } from '../support/s3-server.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Item {
  readonly event: string
  readonly external_id?: string
  readonly state: string
  readonly tries: number
  readonly code?: string
  readonly asset?: string
  readonly version?: number
}

let system: System
let send: Send
let place: Place
let jpeg: Buffer
const served = new Map<string, RequestListener>()
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

beforeAll(async () => {
  system = await startSystem({
    worker: false,
    env: { FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any', FETCH_IDLE_MS: '500', SECRETS_KEY: 'ab'.repeat(32) },
  })
  send = await openClient(system)
  jpeg = await photo({ width: 64, height: 40 })
  place = await openHttp((request, response) => {
    const answer = served.get((request.url ?? '').split('?')[0] ?? '')
    if (answer) answer(request, response)
    else response.writeHead(404).end()
  })
})
afterAll(async () => {
  await place.close()
  await system.close()
})

const fresh = (): Buffer => Buffer.concat([jpeg, Buffer.from(randomUUID())])
const at = (path: string): string => `http://127.0.0.1:${place.port}${path}`
const serve = (path: string, bytes: Buffer = fresh()): string => {
  served.set(path, (_, response) => response.end(bytes))
  return at(path)
}

const BODY = {
  adapter: 'cloudevents',
  product: 'shop-web',
  collection: 'product-photo',
  scheme: 'standard-webhooks',
  secret: SECRET,
}
const put = (name: string, body: object = BODY) => send('PUT', `/v1/sources/${name}`, { key: ADMIN_KEY, body })
const configured = async (more: object = {}): Promise<string> => {
  const name = `dam-${randomUUID().slice(0, 8)}`
  await expectJson(put(name, { ...BODY, ...more }), 201)
  return name
}

const eventOf = (data: object, more: object = {}) => ({
  specversion: '1.0',
  id: randomUUID(),
  source: '/dam',
  type: 'com.example.asset.updated',
  data,
  ...more,
})
/** Signed by Standard Webhooks. */
const headersOf = (body: string, id: string = randomUUID(), timestamp = Math.floor(Date.now() / 1000)) => ({
  'Content-Type': 'application/cloudevents+json',
  'webhook-id': id,
  'webhook-timestamp': String(timestamp),
  'webhook-signature': `v1,${createHmac('sha256', Buffer.alloc(32, 7)).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
})
const say = (name: string, payload: object, id?: string) => {
  const body = JSON.stringify(payload)
  return send('POST', `/v1/ingest/${name}`, { body, headers: headersOf(body, id) })
}
const work = () => system.gateway.sourceWork.once()
const itemsOf = async (name: string, query = ''): Promise<readonly Item[]> =>
  (await expectJson<{ items: Item[] }>(send('GET', `/v1/sources/${name}/items${query}`, { key: ADMIN_KEY }), 200)).items
const query = (text: string, values: unknown[]) =>
  system.core.database.rows<Record<string, unknown>>({ name: '', text }, values)
const dueNow = (name: string) => query('update source_item set not_before = now() where source = $1', [name])

describe('a source', () => {
  test('is configured, shown without its secret, changed and deleted', async () => {
    const name = await configured()
    const path = `/v1/sources/${name}`
    const response = await send('GET', path, { key: ADMIN_KEY })
    const etag = response.headers.get('etag') ?? ''
    const shown = await expectJson(response, 200)
    const { secret: _, ...rest } = BODY
    expect(shown).toEqual({ name, ...rest, trust: 1, publish: 'when-ready', secret_at: expect.any(String) })
    const changed = await expectJson(put(name, { ...rest, trust: 2 }), 200)
    expect(changed).toMatchObject({ trust: 2, secret_at: shown.secret_at })
    const stale = { key: ADMIN_KEY, headers: { 'If-Match': etag } }
    await expectRefusal(send('DELETE', path, stale), 412, 'precondition-failed')
    await expectRefusal(send('DELETE', path, { key: ADMIN_KEY }), 428, 'precondition-required')
    expect((await send('DELETE', path, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })).status).toBe(204)
    await expectRefusal(send('GET', path, { key: ADMIN_KEY }), 404, 'not-found')
    const body = JSON.stringify(eventOf({}))
    const gone = send('POST', `/v1/ingest/${name}`, { body, headers: headersOf(body) })
    await expectRefusal(gone, 401, 'bad-signature')
  })

  test.each([
    ['no secret', { secret: undefined }],
    ['a secret that can be guessed', { secret: 'whsec_AAAA' }],
    ['a product that is not there', { product: 'nobody' }],
    ['a collection that is not there', { collection: 'nowhere' }],
    ['an adapter that is not there', { adapter: 'telepathy' }],
    ['a trust beyond all', { trust: 4 }],
    ['objects that are nowhere', { adapter: 's3-events' }],
    ['a base with a query', { adapter: 's3-events', base_url: 'https://s3.example/?a' }],
    ['a header that its scheme does not have', { header: 'x-mine' }],
    ['the key of a bucket that it does not have', { bucket_key: { id: 'k' }, bucket_secret: 's' }],
    ['the secret of no key', { adapter: 's3-events', base_url: 'https://s3.example', bucket_secret: 's' }],
    ['a key without its secret', { adapter: 's3-events', base_url: 'https://s3.example', bucket_key: { id: 'k' } }],
  ])('with %s is refused', async (_, more) => {
    await expectRefusal(put('never', { ...BODY, ...more }), 422, 'contract-violation')
    await expectRefusal(send('GET', '/v1/sources/never', { key: ADMIN_KEY }), 404, 'not-found')
  })

  test('keeps its secret sealed in no answer and no audit', async () => {
    const name = await configured()
    const audit = await (await send('GET', '/v1/audit?limit=500', { key: ADMIN_KEY })).text()
    expect(audit).toContain(`sources/${name}`)
    expect(audit).not.toContain(SECRET)
  })
})

describe('a payload', () => {
  test('is kept byte for byte, and becomes an asset with what its source says of it', async () => {
    const name = await configured({ trust: 0, publish: 'manual' })
    const payload = eventOf(
      { url: `${serve('/a.jpg')}?sig=secret`, labels: ['red'], attributes: { artist: 'Ada\u0000' } },
      { subject: 'sku 4711/é' },
    )
    const answer = await expectJson(say(name, payload), 202)
    expect(answer).toEqual({ accepted: 1, duplicate: false, event: expect.any(String) })
    expect(await itemsOf(name)).toMatchObject([{ state: 'PENDING', external_id: 'sku 4711/é', tries: 0 }])
    const raw = await send('GET', `/v1/sources/${name}/events/${answer.event}`, { key: ADMIN_KEY })
    expect(await raw.text()).toBe(JSON.stringify(payload))

    await work()
    const [item] = await itemsOf(name)
    expect(item).toMatchObject({ state: 'DONE', version: 1, tries: 1 })
    const shown = await expectJson(send('GET', `/v1/assets/${item?.asset}`, { key: system.keys['shop-web'] }), 200)
    expect(shown).toMatchObject({ alias: `${name}:sku%204711%2F%C3%A9`, labels: ['red'], owner: 'shop-web' })
    const path = `/v1/assets/${item?.asset}/versions/1/provenance`
    expect(await expectJson(send('GET', path, { key: ADMIN_KEY }), 200)).toMatchObject({
      entrance: 'adapter',
      source: name,
      ref: at('/a.jpg'),
      trust: 0,
      by: `source_${name}`,
      hints: { id: payload.id, attributes: { artist: 'Ada' }, fetched_from: at('/a.jpg') },
    })
    const [row] = await query('select actor, action from audit where resource = $1', [`assets/${item?.asset}`])
    expect(row).toEqual({ actor: `source_${name}`, action: 'asset.create' })
  })

  test('about what has its name in the namespace of the source is the next version of that', async () => {
    const name = await configured()
    const id = `known ${randomUUID()}`
    const { asset } = await system.upload(
      fresh(),
      `collection=product-photo&aliases=${name}:${encodeURIComponent(encodeURIComponent(id))}`,
    )
    await expectJson(say(name, eventOf({ url: serve('/known.jpg'), external_id: id })), 202)
    await work()
    expect(await itemsOf(name)).toMatchObject([{ state: 'DONE', asset, version: 2 }])
  })

  test('says what others call it, and what tells it from others', async () => {
    const name = await configured()
    const known = randomUUID()
    const data = { aliases: [{ namespace: 'erp', external_id: known }], identity_hints: { legacy_id: 'A-77' } }
    await expectJson(say(name, eventOf({ url: serve('/named.jpg'), ...data })), 202)
    await work()
    const [item] = await itemsOf(name)
    const key = system.keys['shop-web']
    expect(await expectJson(send('GET', `/v1/aliases/erp/${known}`, { key }), 200)).toMatchObject({ id: item?.asset })
    const path = `/v1/assets/${item?.asset}/versions/1/provenance`
    const shown = await expectJson(send('GET', path, { key }), 200)
    expect(shown).toMatchObject({ source: name, identity_hints: { legacy_id: 'A-77' }, trust: 1 })
    const aliases = [{ namespace: 'erp', external_id: 'ada@example.org' }]
    await expectRefusal(say(name, eventOf({ url: at('/x.jpg'), aliases })), 422, 'contract-violation')
  })

  test('of whom a collection asks more trust is not fetched, nor is any URL', async () => {
    const rules = { min_trust: 3 }
    await expectJson(
      send('PUT', '/v1/collections/trusted', { key: ADMIN_KEY, body: { owner: 'shop-web', rules } }),
      201,
    )
    const key = system.keys['shop-web']
    const body = { source_url: at('/untrusted.jpg'), collection: 'trusted' }
    const before = place.connections()
    const refused = await expectRefusal(send('POST', '/v1/assets', { key, body }), 422, 'contract-violation')
    expect(refused.errors).toEqual([expect.objectContaining({ rule: 'min_trust', pointer: 'trust' })])
    const name = await configured({ collection: 'trusted', trust: 2 })
    await expectJson(say(name, eventOf({ url: at('/untrusted.jpg') })), 202)
    await work()
    expect(await itemsOf(name)).toMatchObject([{ state: 'DEAD', code: 'contract-violation' }])
    expect(place.connections()).toBe(before)
    await expectJson(send('POST', '/v1/assets?collection=trusted', { key, body: fresh() }), 201)
    const trusted = await configured({ collection: 'trusted', trust: 3 })
    await expectJson(say(trusted, eventOf({ url: serve('/trusted.jpg') })), 202)
    await work()
    expect(await itemsOf(trusted)).toMatchObject([{ state: 'DONE' }])
  })

  test('may bring the bytes along', async () => {
    const name = await configured()
    const inline = eventOf(
      {},
      { data: undefined, data_base64: fresh().toString('base64'), datacontenttype: 'image/jpeg' },
    )
    await expectJson(say(name, inline), 202)
    await work()
    expect(await itemsOf(name)).toMatchObject([{ state: 'DONE', version: 1 }])
  })

  test('that is sent again is not done again', async () => {
    const name = await configured()
    const payload = eventOf({ url: serve('/twice.jpg') })
    const id = randomUUID()
    await expectJson(say(name, payload, id), 202)
    expect(await expectJson(say(name, payload, id), 202)).toEqual({ accepted: 0, duplicate: true })
    await work()
    expect(await expectJson(say(name, payload, id), 202)).toEqual({ accepted: 0, duplicate: true })
    await work()
    expect(await itemsOf(name)).toHaveLength(1)
    const other = await configured()
    expect(await expectJson(say(other, payload, id), 202)).toMatchObject({ accepted: 1, duplicate: false })
  })

  test('of many senders at once is accepted once', async () => {
    const name = await configured()
    const payload = eventOf({ url: serve('/once.jpg') })
    const id = randomUUID()
    const answers = await Promise.all(Array.from({ length: 8 }, () => expectJson(say(name, payload, id), 202)))
    expect(answers.filter(({ duplicate }) => duplicate === false)).toHaveLength(1)
    expect(await itemsOf(name)).toHaveLength(1)
  })

  test('with the signature of another, of another time or of other bytes is nobody’s', async () => {
    const name = await configured()
    const body = JSON.stringify(eventOf({ url: serve('/never.jpg') }))
    const good = headersOf(body)
    const ingest = (text: string, headers: Record<string, string>, source = name) =>
      send('POST', `/v1/ingest/${source}`, { body: text, headers })
    const told = async (answer: Promise<Response>) => {
      const { instance: _, ...problem } = await expectJson(answer, 401)
      return JSON.stringify(problem)
    }
    const answers = new Set([
      await told(ingest(`${body} `, good)),
      await told(ingest(body, {})),
      await told(ingest(body, headersOf(body, 'x', Math.floor(Date.now() / 1000) - 400))),
      await told(ingest(body, { ...good, 'webhook-signature': 'v1,AAAA' })),
      await told(ingest(body, good, 'nobody')),
      await told(ingest(body, good, 'NO-NAME')),
      await told(send('POST', `/v1/ingest/${name}`, { body, key: ADMIN_KEY })),
    ])
    expect([...answers]).toHaveLength(1)
    expect(await itemsOf(name)).toEqual([])
  })

  test('that its adapter does not know leaves nothing', async () => {
    const name = await configured()
    await expectRefusal(say(name, { hello: 'world' }), 422, 'contract-violation')
    const large = eventOf({ url: at('/x'), text: 'x'.repeat(1_100_000) })
    await expectRefusal(say(name, large), 413, 'payload-too-large')
    expect(await query('select 1 from source_event where source = $1', [name])).toEqual([])
  })
})

describe('what it leads to', () => {
  test('the same thing again is the next version of the same asset, in the order in which it came', async () => {
    const name = await configured()
    const batch = Array.from({ length: 6 }, (_, n) => eventOf({ url: serve(`/v${n}.jpg`), external_id: 'shoe' }))
    await expectJson(say(name, batch), 202)
    await Promise.all([work(), work(), work()])
    await work()
    const items = [...(await itemsOf(name))].reverse()
    expect(items.map(({ state, version }) => [state, version])).toEqual([1, 2, 3, 4, 5, 6].map(n => ['DONE', n]))
    expect(new Set(items.map(({ asset }) => asset)).size).toBe(1)
    const refs = await query('select source_ref from asset_version where asset_id = $1 order by version', [
      items[0]?.asset,
    ])
    expect(refs.map(({ source_ref }) => source_ref)).toEqual([0, 1, 2, 3, 4, 5].map(n => at(`/v${n}.jpg`)))
  })

  test('what the source cannot give yet is tried again, and what comes after it of the same thing waits', async () => {
    const name = await configured()
    await expectJson(
      say(name, [
        eventOf({ url: at('/late.jpg'), external_id: 'late' }),
        eventOf({ url: serve('/after.jpg'), external_id: 'late' }),
        eventOf({ url: serve('/other.jpg'), external_id: 'other' }),
      ]),
      202,
    )
    await work()
    const [other, after, late] = await itemsOf(name)
    expect(other).toMatchObject({ state: 'DONE' })
    expect(after).toMatchObject({ state: 'PENDING', tries: 0 })
    expect(late).toMatchObject({ state: 'PENDING', code: 'source-unavailable' })
    serve('/late.jpg')
    await dueNow(name)
    await work()
    expect((await itemsOf(name)).map(({ state, version }) => [state, version])).toEqual([
      ['DONE', 1],
      ['DONE', 2],
      ['DONE', 1],
    ])
  })

  test('what cannot be is given up at once, is told, and may be tried once more', async () => {
    const name = await configured()
    const url = serve('/broken.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))
    await expectJson(say(name, [eventOf({ url }), eventOf({ url: 'http://10.0.0.1/' })]), 202)
    await work()
    const dead = await itemsOf(name, '?state=DEAD')
    expect(dead.map(({ code }) => code).sort()).toEqual(['unsupported-media', 'url-forbidden'])
    serve('/broken.svg')
    const redriven = send('POST', `/v1/sources/${name}/redrive`, { key: ADMIN_KEY })
    expect(await expectJson(redriven, 200)).toEqual({ redriven: 2 })
    await work()
    expect((await itemsOf(name)).map(({ state }) => state).sort()).toEqual(['DEAD', 'DONE'])
  })

  test('what the source never gives is given up after ten tries', async () => {
    const name = await configured()
    await expectJson(say(name, eventOf({ url: at('/nowhere.jpg') })), 202)
    for (let n = 0; n < 10; n++) {
      await dueNow(name)
      await work()
    }
    expect(await itemsOf(name)).toMatchObject([{ state: 'DEAD', code: 'source-unavailable' }])
  })

  test('whoever was too slow with an item ends nothing, and it is made once', async () => {
    const name = await configured()
    await expectJson(say(name, eventOf({ url: serve('/slow.jpg') })), 202)
    const [stale] = await takeItems(system.core.database, { limit: 1, holdMs: 0 })
    expect(stale).toMatchObject({ source: name, tries: 1 })
    await work()
    if (stale === undefined) throw new Error('nothing was taken')
    expect(await finishItem(system.core.database, stale, { state: 'DEAD', code: 'internal' })).toBe(false)
    expect(await itemsOf(name)).toMatchObject([{ state: 'DONE', version: 1, tries: 2 }])
  })

  test('a source whose product may not upload there brings nothing in', async () => {
    const name = await configured({ product: 'partner-api' })
    await expectJson(say(name, eventOf({ url: serve('/foreign.jpg') })), 202)
    await work()
    expect(await itemsOf(name)).toMatchObject([{ state: 'DEAD', code: 'forbidden' }])
  })

  test('objects of a bucket are fetched from it, for a server that signs nothing', async () => {
    const secret = 'a-token-of-the-bucket'
    const name = await configured({ adapter: 's3-events', scheme: 'bearer', secret, base_url: at('/{bucket}') })
    serve('/photos/red%20shoes.jpg')
    const Records = [
      {
        eventName: 's3:ObjectCreated:Put',
        s3: { bucket: { name: 'photos' }, object: { key: 'red+shoes.jpg', sequencer: '1' } },
      },
    ]
    const notify = () => send('POST', `/v1/ingest/${name}`, { key: secret, body: { Records } })
    await expectJson(notify(), 202)
    expect(await expectJson(notify(), 202)).toEqual({ accepted: 0, duplicate: true })
    await work()
    expect(await itemsOf(name)).toMatchObject([{ state: 'DONE', external_id: 'photos/red shoes.jpg' }])
  })

  test('objects of a private bucket are read with the key of the source, and with no other', async () => {
    const other = await startEmbeddedS3()
    const { endpoint, accessKeyId, secretAccessKey: bucket_secret } = other
    const store = openS3Store({ ...other, bucket: 'private-photos', forcePathStyle: true })
    await store.ensureBucket()
    const key = "a (b) c!*'/rot&grün+1.jpg"
    const bytes = fresh()
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    await store.put({ key, body: bytes, bytes: bytes.length, mediaType: 'image/jpeg', sha256 })
    const secret = 'a-token-of-the-bucket'
    const settings = { adapter: 's3-events', scheme: 'bearer', secret, base_url: `${endpoint}/{bucket}` }
    const notify = async (name: string): Promise<readonly Item[]> => {
      const object = { key: encodeURIComponent(key).replaceAll('%20', '+'), sequencer: randomUUID() }
      const record = { eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'private-photos' }, object } }
      await expectJson(send('POST', `/v1/ingest/${name}`, { key: secret, body: { Records: [record] } }), 202)
      await work()
      return itemsOf(name)
    }
    expect(await notify(await configured(settings))).toMatchObject([{ state: 'PENDING', code: 'source-unavailable' }])
    const bucket_key = { id: accessKeyId, region: 'us-east-1' }
    const wrong = await configured({ ...settings, bucket_key, bucket_secret: 'another-secret' })
    expect(await notify(wrong)).toMatchObject([{ state: 'PENDING', code: 'source-unavailable' }])

    const name = await configured({ ...settings, bucket_key, bucket_secret })
    const [item] = await notify(name)
    expect(item).toMatchObject({ state: 'DONE', external_id: `private-photos/${key}` })
    const path = `/v1/assets/${item?.asset}/versions/1`
    const version = await expectJson(send('GET', path, { key: ADMIN_KEY }), 200)
    expect(version).toMatchObject({ digest: `sha256:${sha256}` })
    const told = await (await send('GET', `${path}/provenance`, { key: ADMIN_KEY })).text()
    expect(told).not.toMatch(/X-Amz|Signature/)
    const shown = await (await send('GET', `/v1/sources/${name}`, { key: ADMIN_KEY })).text()
    expect(JSON.parse(shown)).toMatchObject({ bucket_key })
    const audit = await (await send('GET', '/v1/audit?limit=500', { key: ADMIN_KEY })).text()
    for (const text of [shown, audit]) expect(text).not.toContain(bucket_secret)

    const check = async (sealing: System['core']['sealing']) =>
      (await examine({ ...system.core, sealing })).checks.find(({ check }) => check === 'secrets at rest')
    expect(await check(system.core.sealing)).toMatchObject({ ok: true, detail: { sealed: true, unreadable: 0 } })
    expect(await check(openSealing([randomBytes(32)]))).toMatchObject({ ok: false })

    // Whoever is sent a signed request can do nothing with it at the real bucket.
    let captured = ''
    served.set(`/private-photos/${key.split('/').map(percentEncode).join('/')}`, ({ url = '' }, response) => {
      captured = url
      response.end(jpeg)
    })
    const astray = await configured({ ...settings, base_url: at('/{bucket}'), bucket_key, bucket_secret })
    expect(await notify(astray)).toMatchObject([{ state: 'DONE' }])
    expect(captured).toContain('X-Amz-Signature=')
    expect((await fetch(`${endpoint}${captured}`)).status).toBe(403)

    // A secret stays with its key; another key has another, and one that is left out is forgotten.
    const { secret: _, bucket_secret: __, ...kept } = { ...BODY, ...settings, bucket_key, bucket_secret }
    await expectJson(put(name, kept), 200)
    expect((await notify(name))[0]).toMatchObject({ state: 'DONE', version: 2 })
    const renamed = put(name, { ...kept, bucket_key: { ...bucket_key, id: 'another' } })
    await expectRefusal(renamed, 422, 'contract-violation')
    const { bucket_key: ___, ...open } = kept
    expect(await expectJson(put(name, open), 200)).not.toHaveProperty('bucket_key')
    expect((await notify(name))[0]).toMatchObject({ state: 'PENDING', code: 'source-unavailable' })
    store.close()
    await other.close()
  })

  test('an erasure takes the payload along', async () => {
    const name = await configured()
    const { event } = await expectJson(say(name, eventOf({ url: serve('/person.jpg'), external_id: 'a person' })), 202)
    await work()
    const [item] = await itemsOf(name)
    const headers = { 'If-Match': '*' }
    const path = `/v1/assets/${item?.asset}/erase`
    await expectJson(send('POST', path, { key: ADMIN_KEY, headers, body: { reason: 'legal' } }), 202)
    await advanceErasures(system.core)
    await expectRefusal(send('GET', `/v1/sources/${name}/events/${event}`, { key: ADMIN_KEY }), 404, 'not-found')
    expect((await itemsOf(name))[0]?.external_id).toBeUndefined()
  })

  test('what is done is forgotten after its time, and what is not is kept', async () => {
    const name = await configured()
    await expectJson(say(name, eventOf({ url: serve('/old.jpg') })), 202)
    await expectJson(say(name, eventOf({ url: at('/old-and-gone.jpg') })), 202)
    await work()
    await query(`update source_event set received_at = now() - interval '31 days' where source = $1`, [name])
    await system.gateway.sourceWork.tidy()
    expect(await itemsOf(name)).toMatchObject([{ state: 'PENDING' }])
  })
})
