/** What the code writes and reads is what its history says, and a standard's own schema judges what is printed of it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { type Schema, Validator } from '@cfworker/json-schema'
import { expect, test } from 'vitest'
import { asyncApiDocument } from '../../src/contracts/asyncapi.ts'
import { eventContracts } from '../../src/contracts/events.ts'
import { differences, readHistory } from '../../src/contracts/history.ts'
import { type JsonSchema, sealed } from '../../src/contracts/json-schema.ts'
import { readable } from '../../src/contracts/readable.ts'
import { newestEvents, openContracts } from '../../src/contracts/registry.ts'
import { operationName, routeContracts } from '../../src/contracts/routes.ts'

const ROOT = resolve(import.meta.dirname, '../..')
// As fresh as the code, by house-docs.test.ts.
const openApi = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8'))
const contracts = [...eventContracts(), ...routeContracts(openApi)]

test('code and history agree', async () => {
  const found = differences(contracts, await readHistory())
  expect(found, 'run `npm run docs`; what breaks a version before it needs another major').toEqual([])
})

test('every contract has a subject and major of its own, and can be read by itself', () => {
  expect(contracts.length).toBeGreaterThan(200)
  expect(new Set(contracts.map(({ subject, major }) => `${subject} ${major}`)).size).toBe(contracts.length)
  for (const { subject, schema } of contracts) expect(readable(sealed(schema), schema), subject).toEqual([])
})

test('every route has a contract of what it is asked and of what it answers', () => {
  const subjects = new Set(contracts.map(({ subject }) => subject))
  const routes = Object.entries(openApi.paths as Record<string, object>).flatMap(([path, item]) =>
    Object.keys(item).map(method => operationName(method, path)),
  )
  const wanted = routes.flatMap(route => [`${route}.request`, `${route}.response`])
  expect(wanted.filter(subject => !subjects.has(subject))).toEqual([])
})

test('docs/asyncapi.json', async () => {
  const envelope = openApi.components.schemas.Event as JsonSchema
  const document = asyncApiDocument({ events: newestEvents(await openContracts()), envelope })
  const text = `${JSON.stringify(document, null, 2)}\n`
  await expect(text, 'run `npm run docs`').toMatchFileSnapshot(join(ROOT, 'docs/asyncapi.json'))

  const { schemas } = createRequire(import.meta.url)('@asyncapi/specs')
  const judge = new Validator(schemas['3.1.0'] as Schema, '7', false)
  expect(judge.validate(document).errors).toEqual([])
  // It does judge.
  expect(judge.validate({ ...document, channels: { stream: { address: 7 } } }).valid).toBe(false)
})
