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

test('application/json with a charset is fine', async () => {
  const answer = await put({ 'Content-Type': 'application/json; charset=utf-8' }, '{"display_name":"Blog"}')
  expect(answer.status).toBe(200)
})
