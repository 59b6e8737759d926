/** Contracts as a gateway has them, and events that are what their contracts say. */
import { type Schema, Validator } from '@cfworker/json-schema'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Envelope } from '../../src/events/envelope.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { EVENT_TYPES } from '../../src/model/event-catalogue.ts'
import { majorsOf } from '../../src/model/event-majors.ts'
import { expectJson, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Listed {
  readonly items: readonly { readonly subject: string }[]
}
interface Document {
  readonly asyncapi: string
  readonly servers: { readonly gateway: { readonly host: string } }
  readonly components: { readonly messages: object }
}

let system: System
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.close())

const open = async (path: string): Promise<Response> => system.app.request(path)

test('whoever comes sees subjects, versions and schemas', async () => {
  const { items } = await expectJson<Listed>(open('/v1/contracts'), 200)
  expect(items.length).toBeGreaterThan(200)
  const events = await expectJson<Listed>(open('/v1/contracts?kind=event'), 200)
  expect(events.items.map(({ subject }) => subject).sort()).toEqual([...EVENT_TYPES].sort())

  const one = await expectJson(open('/v1/contracts/asset.published'), 200)
  expect(one).toEqual({ subject: 'asset.published', kind: 'event', mode: 'FULL_TRANSITIVE', versions: ['1.0.0'] })
  const response = await open('/v1/contracts/asset.published/1.0.0')
  expect(response.headers.get('content-type')).toBe('application/schema+json')
  expect(response.headers.get('cache-control')).toContain('immutable')
  expect(await response.json()).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: '/v1/contracts/asset.published/1.0.0',
    type: 'object',
  })
  for (const path of ['asset.unknown', 'asset.published/9.0.0', 'asset.published/1', '..%2f..%2fpackage'])
    await expectJson(open(`/v1/contracts/${path}`), 404)
  await expectJson(open('/v1/contracts?kind=other'), 400)
})

test('AsyncAPI has each event, and where it is told', async () => {
  const document = await expectJson<Document>(open('/asyncapi.json'), 200)
  expect(document.asyncapi).toBe('3.1.0')
  expect(Object.keys(document.components.messages).sort()).toEqual(
    EVENT_TYPES.flatMap(type => majorsOf(type).map(major => `${type}.v${major}`)).sort(),
  )
  expect(document.servers.gateway.host).toMatch(/^[\w.]+:\d+$/)
})

test('the schema that an event names is one that it fits', async () => {
  await system.upload(await photo({ width: 64, height: 48 }))
  await settled(system)
  await sequenceEvents(system.core.database)
  const page = system.call('GET', '/v1/events?limit=500', { key: ADMIN_KEY })
  const { items } = await expectJson<{ items: readonly Envelope[] }>(page, 200)
  expect(new Set(items.map(({ type }) => type)).size).toBeGreaterThan(4)
  for (const { dataschema, data, type } of items) {
    const schema = (await (await open(new URL(dataschema).pathname)).json()) as Schema
    expect(new Validator(schema, '2020-12', false).validate(data).errors, type).toEqual([])
    const [field = ''] = Object.keys(data)
    expect(new Validator(schema, '2020-12').validate({ ...data, [field]: { not: 'this' } }).valid, type).toBe(false)
  }
})
