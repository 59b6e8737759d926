/** What a route owes to its callers beyond the schemas of its bodies: that it is there, its path, and the statuses of its success. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { differences, readHistory, writeContract } from '../../src/contracts/history.ts'
import { consumerBreaks, judge } from '../../src/contracts/judge.ts'
import { type OpenApiDocument, routeContracts } from '../../src/contracts/routes.ts'

const json = (schema: object) => ({ content: { 'application/json': { schema } } })
const asset = { name: 'asset', in: 'path', required: true }
const anyAsset = { ...asset, schema: { type: 'string' } }
const answer = json({ type: 'object', properties: { id: { type: 'string' } }, required: ['id'] })
const documentOf = (operations: object, path = '/v1/assets/{asset}'): OpenApiDocument => ({
  paths: { [path]: operations },
})

const get = { parameters: [anyAsset], responses: { 200: answer, 404: {} } }
const remove = { parameters: [anyAsset], responses: { 204: {}, 404: {} } }
const BEFORE = documentOf({ get, delete: remove })

const brokenBy = (after: OpenApiDocument, before = BEFORE) =>
  differences(
    routeContracts(after),
    routeContracts(before).map(one => ({ ...one, version: '1.0.0' })),
  ).flatMap(({ subject, breaks }) => breaks.map(({ rule, pointer }) => `${subject}: ${rule} ${pointer}`.trimEnd()))

const NAME = 'v1-assets-asset'
test.each<[string, OpenApiDocument, readonly string[]]>([
  ['nothing', BEFORE, []],
  [
    'a status of success becomes another',
    documentOf({ get: { ...get, responses: { 202: answer } }, delete: remove }),
    [`get-${NAME}.response: removed /200`],
  ],
  [
    'one without a body is gone',
    documentOf({ get, delete: { ...remove, responses: { 200: {} } } }),
    [`delete-${NAME}.response: removed /204`],
  ],
  ['one more comes', documentOf({ get: { ...get, responses: { ...get.responses, 206: {} } }, delete: remove }), []],
  ['a refusal is gone', documentOf({ get: { ...get, responses: { 200: answer } }, delete: remove }), []],
  [
    'a path takes less',
    documentOf({
      get: { ...get, parameters: [{ ...asset, schema: { type: 'string', maxLength: 5 } }] },
      delete: remove,
    }),
    [`get-${NAME}.request: length /path/asset`],
  ],
  [
    'a route without bodies is gone',
    documentOf({ get }),
    [`delete-${NAME}.request: removed`, `delete-${NAME}.response: removed`],
  ],
])('%s', (_name, after, broken) => {
  expect(brokenBy(after)).toEqual(broken)
})

test('a route that only tells that it is there has contracts, too', () => {
  const heads = documentOf({ head: { responses: { 200: {} } }, options: { responses: { 204: {} } } }, '/v1/tus')
  expect(brokenBy({ paths: {} }, heads)).toHaveLength(4)
})

test('a status that is gone breaks those who have said that they read it', async () => {
  const [now, after] = [get, { ...get, responses: { 202: answer } }].map(
    one => routeContracts(documentOf({ get: one }))[1]?.schema ?? false,
  ) as [object, object]
  const subject = `get-${NAME}.response`
  const reads = { type: 'object', properties: { 200: { type: 'object', required: ['id'] } } }
  expect(consumerBreaks(subject, { ...now }, reads)).toEqual([])
  const verdict = await judge({ subject, schema: { ...after } }, [], [{ name: 'shop', reads }])
  expect(verdict).toMatchObject([{ pointer: '/200', rule: 'removed', consumers: ['shop'] }])
})

test('a path that leads there is not said in what somebody sends', () => {
  const ours = routeContracts(BEFORE)[0]?.schema ?? false
  expect(consumerBreaks(`get-${NAME}.request`, ours, { type: 'object', properties: {} })).toEqual([])
})

test('the newest of a history is the highest by number', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-history-'))
  for (const version of ['1.0.0', '1.9.0', '1.10.0', '2.0.0'])
    await writeContract({ subject: 'asset.melted', version, major: 1, schema: { type: 'object' } }, folder)
  await mkdir(join(folder, 'asset.boiled'))
  await writeFile(join(folder, 'asset.boiled/1.0.0.json'), '{}')
  const kept = await readHistory(folder)
  expect(kept.map(({ subject, version }) => `${subject} ${version}`)).toEqual([
    'asset.boiled 1.0.0',
    ...['1.0.0', '1.9.0', '1.10.0', '2.0.0'].map(version => `asset.melted ${version}`),
  ])
  await rm(folder, { recursive: true })
})
