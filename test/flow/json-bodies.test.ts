import { afterAll, beforeAll, expect, test } from 'vitest'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
beforeAll(async () => {
  system = await startSystem({ worker: false })
})
afterAll(() => system.close())

const put = (headers: Record<string, string>, body?: string) =>
  system.call('PUT', '/v1/products/blog', { key: ADMIN_KEY, headers, ...(body !== undefined && { body }) })

test('a body of another kind is refused as such', async () => {
  const answer = await put({ 'Content-Type': 'application/x-www-form-urlencoded' }, '{"display_name":"Blog"}')
  expect(answer.status).toBe(415)
  expect(await answer.json()).toMatchObject({ code: 'unsupported-media' })
})

test.each([
  ['no body', {}, undefined],
  ['cut short', { 'Content-Type': 'application/json' }, '{"display'],
  ['an unknown key', { 'Content-Type': 'application/json' }, '{"display_name":"Blog","colour":"red"}'],
  ['the wrong type', { 'Content-Type': 'application/json' }, '{"display_name":7}'],
])('%s is a violation of the contract', async (_, headers, body) => {
  const answer = await put(headers, body)
  expect(answer.status).toBe(422)
  expect(await answer.json()).toMatchObject({ code: 'contract-violation' })
})

test.each([
  'text/json',
  'application/x-ndjson',
  'application/json-seq',
  'application/json-patch',
  'application/jsonp',
  'multipart/form-data; boundary=json',
])('%s is not JSON', async type => {
  const answer = await put({ 'Content-Type': type }, '{"display_name":"Blog"}')
  expect(answer.status).toBe(415)
})

test.each(['application/vnd.blog+json', 'APPLICATION/JSON', 'application/json;charset="utf-8'])('%s is', async type => {
  const answer = await put({ 'Content-Type': type }, '{"display_name":"Blog"}')
  expect(answer.ok).toBe(true)
})

test('a body that does not say what it is is not ignored', async () => {
  const path = '/v1/products/shop-web/keys'
  const body = new TextEncoder().encode('{"scopes":["resolve"]}')
  const answer = await system.call('POST', path, { key: ADMIN_KEY, body })
  expect(answer.status).toBe(415)
  const packed = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }
  expect((await put(packed, '{"display_name":"Blog"}')).status).toBe(415)
})

test('application/json with a charset is fine', async () => {
  const answer = await put({ 'Content-Type': 'application/json; charset=utf-8' }, '{"display_name":"Blog"}')
  expect(answer.ok).toBe(true)
})
