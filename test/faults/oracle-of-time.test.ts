/**
 * T16: what is of others takes as long as what is not there, to less than some round trips to Postgres; some rows more in the same
 * statement are tens of microseconds, which no network lets through. What is said is compared in test/flow/identity.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureTenant, putAdminKey } from '../../src/manifest/products.ts'
import { hashSecret, newId } from '../../src/model/ids.ts'
import { expectJson } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { slowerShare } from '../support/timing.ts'

const ELSEWHERE = 'admin-key-of-another-tenant'

let system: System
let asset: string
let operation: string
let stranger: string
const missing = newId()

const admin = (method: string, path: string, body?: object) => system.call(method, path, { key: ADMIN_KEY, body })

beforeAll(async () => {
  system = await startSystem({ worker: false })
  await ensureTenant(system.core.database, 'elsewhere')
  await putAdminKey(system.core.database, 'elsewhere', hashSecret(ELSEWHERE))
  for (const product of ['owner', 'stranger'])
    await expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product }), 201)
  stranger = (await expectJson<{ secret: string }>(admin('POST', '/v1/products/stranger/keys', {}), 201)).secret
  await expectJson(admin('PUT', '/v1/collections/private', { owner: 'owner' }), 201)
  const recipe = { recipe: { resize: { width: 32 }, formats: ['webp'] } }
  const rendition = '/v1/collections/private/products/owner/renditions/small'
  await expectJson(admin('PUT', rendition, recipe), 201)
  operation = (await expectJson<{ id: string }>(admin('POST', `${rendition}/backfill`, {}), 202)).id
  const upload = { key: ADMIN_KEY, body: new TextEncoder().encode('private') }
  asset = (await expectJson<{ asset: string }>(system.call('POST', '/v1/assets?collection=private', upload), 201)).asset
  const add = [{ namespace: 'erp', external_id: asset }]
  await expectJson(admin('POST', `/v1/assets/${asset}/aliases`, { add }), 200)
})
afterAll(() => system.close())

const QUESTIONS: readonly { what: string; who: () => string | undefined; path: (id: string) => string }[] = [
  { what: 'an asset', who: () => stranger, path: id => `/v1/assets/${id}` },
  { what: 'an asset of another tenant', who: () => ELSEWHERE, path: id => `/v1/assets/${id}` },
  { what: 'an asset by its name elsewhere', who: () => stranger, path: id => `/v1/aliases/erp/${id}` },
  { what: 'its versions', who: () => ELSEWHERE, path: id => `/v1/assets/${id}/versions` },
  {
    what: 'a resolution in the name of another',
    who: () => stranger,
    path: id => `/v1/products/owner/assets/${id}/renditions/small`,
  },
  {
    what: 'a resolution in another tenant',
    who: () => ELSEWHERE,
    path: id => `/v1/products/owner/assets/${id}/renditions/small`,
  },
  {
    what: 'an explanation',
    who: () => stranger,
    path: id => `/v1/products/stranger/assets/${id}/renditions/small?explain=1`,
  },
  { what: 'a delivery to anybody', who: () => undefined, path: id => `/i/owner/${id}/v1/small.webp` },
]

describe('is not told by the time that it takes', () => {
  test.each(QUESTIONS)('$what', { retry: 2 }, async ({ who, path }) => {
    const ask = (id: string) => async () => {
      const response = await system.call('GET', path(id), { key: who() })
      expect(response.status).toBe(404)
      await response.arrayBuffer()
    }
    expect(Math.abs((await slowerShare(ask(asset), ask(missing))) - 0.5)).toBeLessThan(0.35)
  })

  test('an operation of another tenant', { retry: 2 }, async () => {
    const ask = (id: string) => async () => {
      const response = await system.call('GET', `/v1/operations/${id}`, { key: ELSEWHERE })
      expect(response.status).toBe(404)
      await response.arrayBuffer()
    }
    expect(Math.abs((await slowerShare(ask(operation), ask(missing))) - 0.5)).toBeLessThan(0.35)
  })

  test('and some round trips more would be seen', { retry: 2 }, async () => {
    const { database } = system.core
    const read = async () => void (await database.rows({ name: 'one', text: 'select 1' }, []))
    const fourTimes = async () => {
      for (let i = 0; i < 4; i++) await read()
    }
    expect(await slowerShare(fourTimes, read)).toBeGreaterThan(0.85)
  })
})
