/** A write says which publication it left, and a question may name it: on any gateway it is answered by that or a newer one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSide, type Side } from '../faults/side.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let other: Side
let jpeg: Buffer
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  socket = await openSocketClient(system)
  other = await openSide(system)
  jpeg = await photo({ width: 64, height: 48 })
})
afterAll(async () => {
  await socket.close()
  await other.close()
  await system.close()
})

const key = (): string => system.keys['shop-web']
const fresh = () => new Uint8Array(Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())]))
const tokenOf = (response: Response): number => Number(response.headers.get('matrix-publication') ?? Number.NaN)
const write = (method: string, path: string, body?: object) =>
  send(method, path, { key: key(), ...(body && { body }), headers: { 'If-Match': '*' } })
const cardOf = (asset: string, min: number | string) =>
  `/v1/products/shop-web/assets/${asset}/renditions/card?wait=10&delivery=json&min=${min}`

const ready = async (): Promise<string> => {
  const { asset } = await system.upload(fresh())
  await settled(system)
  return asset
}

describe('a write', () => {
  test('answers with the publication that it left', async () => {
    const upload = await send('POST', '/v1/assets?collection=product-photo&publish=now', { key: key(), body: fresh() })
    expect(tokenOf(upload)).toBe(1)
    const { asset, publication } = await expectJson<{ asset: string; publication: number }>(upload, 201)
    expect(publication).toBe(1)
    const path = `/v1/assets/${asset}`
    const second = `${path}/versions?publish=manual`
    expect(tokenOf(await send('POST', second, { key: key(), body: fresh() }))).toBe(1)
    await settled(system)
    expect(tokenOf(await write('POST', `${path}/publish`, { version: 2 }))).toBe(2)
    expect(tokenOf(await write('POST', `${path}/rollback`, {}))).toBe(3)
    expect(tokenOf(await write('PATCH', path, { labels: ['press'] }))).toBe(3)
    for (const verb of ['archive', 'restore']) expect(tokenOf(await write('POST', `${path}/${verb}`))).toBe(3)
    expect(tokenOf(await write('DELETE', path))).toBe(3)
  })

  test('that has just committed is what another gateway answers by', async () => {
    const asset = await ready()
    await expectJson(send('POST', `/v1/assets/${asset}/versions?publish=manual`, { key: key(), body: fresh() }), 201)
    await settled(system)
    for (let round = 0; round < 10; round++) {
      const wanted = 2 - (round % 2)
      const published = await write('POST', `/v1/assets/${asset}/publish`, { version: wanted })
      const answer = await other.call('GET', cardOf(asset, tokenOf(published)), { key: key() })
      expect(await expectJson(answer, 200)).toMatchObject({ version: wanted, publication: tokenOf(published) })
    }
  })
})

describe('a question for what there is not', () => {
  test('is told so, and what there is', async () => {
    const asset = await ready()
    expect(await expectJson(send('GET', cardOf(asset, 1), { key: key() }), 200)).toMatchObject({ publication: 1 })
    for (const ask of [send, other.call]) {
      const problem = await expectRefusal(ask('GET', cardOf(asset, 2), { key: key() }), 409, 'not-ready')
      expect(problem).toMatchObject({ publication: 1, min: 2, retryable: true, retry_after: 1 })
    }
    const explained = await expectJson(send('GET', `${cardOf(asset, 2)}&explain=1`, { key: key() }), 200)
    expect(explained).toMatchObject({ outcome: 'not-ready', status: 409 })
  })

  test('is told so on delivery paths too, whichever way they are answered', async () => {
    const asset = await ready()
    const path = `/i/shop-web/${asset}/v1/card.jpg`
    for (const ask of [send, socket.send]) {
      const least = (min: string) => ({ key: key(), headers: { 'Matrix-Min-Publication': min } })
      expect((await ask('GET', path, least('1'))).status).toBe(302)
      await expectRefusal(ask('GET', path, least('2')), 409, 'not-ready')
      await expectRefusal(ask('GET', path, least('-1')), 400, 'invalid-request')
    }
  })

  test('says nothing to who may not know the asset', async () => {
    const asset = await ready()
    const stranger = (min: number) =>
      send('GET', `/i/shop-web/${asset}/v1/card.jpg`, { headers: { 'Matrix-Min-Publication': String(min) } })
    const [held, beyond] = [await stranger(1), await stranger(9)]
    expect([held.status, beyond.status]).toEqual([404, 404])
  })

  test.each(['', 'x', '1.5', '-1', '1e3', '9'.repeat(16)])('is refused for min=%s', async min => {
    const asset = '01936f3e-8c1a-7c4e-9b0d-3f1f5a0b6c11'
    await expectRefusal(send('GET', cardOf(asset, min), { key: ADMIN_KEY }), 400, 'invalid-request')
  })
})
