/** Keys that sign: made, shown once, kept sealed, and replaced under load without a valid request that fails. */
import { randomBytes } from 'node:crypto'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { openRequestNames } from '../../src/http/request-names.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { openMetrics } from '../../src/telemetry/metrics.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Key {
  readonly kid: string
  readonly secret: string
}
const SEALING = randomBytes(32)
let system: System
let send: Send
let asset: string
const admin = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers: { 'If-Match': '*', ...headers } })
const make = () => expectJson<Key>(admin('POST', '/v1/products/shop-web/signing-keys', { label: 'web' }), 201)
const sign = (key: Key): string => signUrl({ path: `/i/shop-web/${asset}/v1/card.jpg`, ...key })
const list = async () =>
  (
    await expectJson<{ items: { kid: string; etag: string; expires_at?: string; revoked_at?: string }[] }>(
      admin('GET', '/v1/products/shop-web/signing-keys'),
      200,
    )
  ).items

beforeAll(async () => {
  system = await startSystem({ env: { SECRETS_KEY: SEALING.toString('hex') } })
  send = await openClient(system)
  asset = (await system.upload(await photo({ width: 500, height: 300 }))).asset
  await settled(system)
})
afterAll(() => system.close())

test('the secret is shown once: neither to who repeats the request nor in a list', async () => {
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  const path = '/v1/products/shop-web/signing-keys'
  const first = await expectJson<Key>(admin('POST', path, { label: 'web' }, headers), 201)
  expect(first.secret).toMatch(/^mtx_sign_[0-9A-Za-z]{46}$/)
  expect(first.kid).toMatch(/^shop-web-[0-9a-z]{10}$/)
  const again = await expectJson<Partial<Key>>(admin('POST', path, { label: 'web' }, headers), 201)
  expect(again).toEqual({ kid: first.kid, product: 'shop-web', label: 'web' })
  await expectRefusal(admin('POST', path, { label: 'other' }, headers), 422, 'idempotency-key-reused')
  expect(JSON.stringify(await list())).not.toContain(first.secret)
})

test('to try it makes nothing', async () => {
  const before = await list()
  const tried = await expectJson(admin('POST', '/v1/products/shop-web/signing-keys?validate_only=true', {}), 200)
  expect(tried).toEqual({ product: 'shop-web', label: '' })
  const kid = before[0]?.kid
  await expectJson(admin('POST', `/v1/signing-keys/${kid}/rotate?validate_only=true`, {}), 200)
  expect((await admin('DELETE', `/v1/signing-keys/${kid}?validate_only=true`)).status).toBe(204)
  expect(await list()).toEqual(before)
})

test('changes need the state that was seen', async () => {
  const { kid } = await make()
  const etag = (await list()).find(key => key.kid === kid)?.etag ?? ''
  for (const ifMatch of ['"0000000000000000"', 'W/"x"']) {
    await expectRefusal(
      admin('DELETE', `/v1/signing-keys/${kid}`, undefined, { 'If-Match': ifMatch }),
      412,
      'precondition-failed',
    )
  }
  await expectJson(admin('POST', `/v1/signing-keys/${kid}/rotate`, {}, { 'If-Match': etag }), 201)
  await expectRefusal(
    admin('DELETE', `/v1/signing-keys/${kid}`, undefined, { 'If-Match': etag }),
    412,
    'precondition-failed',
  )
  for (const [method, end] of [
    ['DELETE', ''],
    ['POST', '/rotate'],
  ] as const) {
    await expectRefusal(
      send(method, `/v1/signing-keys/${kid}${end}`, { key: ADMIN_KEY, ...(method === 'POST' && { body: {} }) }),
      428,
      'precondition-required',
    )
  }
})

describe('at rest', () => {
  const SECRET = { name: 'test_kept', text: 'select secret from signing_key where tenant_id = $1 and kid = $2' }
  const kept = async (kid: string): Promise<Buffer> => {
    const [row] = await system.core.database.rows<{ secret: Buffer }>(SECRET, ['demo', kid])
    return row?.secret ?? Buffer.alloc(0)
  }
  /** Another gateway over the same engines, with other keys. */
  const withKeys = async <T>(
    keys: string | undefined,
    work: (ask: (target: string) => Promise<number>) => Promise<T>,
  ) => {
    const secretsKeys = keys?.split(',').map(key => Buffer.from(key, 'hex'))
    const config = { ...system.config, secretsKeys }
    const core = await openCore({ config, engines: system.engines, name: 'other' })
    try {
      const app = createApp(openGateway(core))
      return await work(async target => (await app.request(target)).status)
    } finally {
      await core.close()
    }
  }

  test('a secret is sealed, and opens with its key alone and in its place alone', async () => {
    const [one, other] = [await make(), await make()]
    expect((await kept(one.kid)).includes(Buffer.from(one.secret))).toBe(false)
    expect((await kept(one.kid))[0]).toBe(1)
    expect((await send('GET', sign(one))).status).toBe(302)
    const own = SEALING.toString('hex')
    const new1 = randomBytes(32).toString('hex')
    for (const [keys, status] of [
      [own, 302],
      [`${new1},${own}`, 302],
      [new1, 403],
      [undefined, 403],
    ] as const)
      expect(await withKeys(keys, ask => ask(sign(one))), String(keys)).toBe(status)
    // Whoever can write the table cannot put a secret that they know in the place of another.
    await system.core.database.rows(
      {
        name: 'test_copied',
        text: `update signing_key set secret = (select secret from signing_key where tenant_id = $1 and kid = $2) where tenant_id = $1 and kid = $3`,
      },
      ['demo', one.kid, other.kid],
    )
    expect((await send('GET', sign({ kid: other.kid, secret: one.secret }))).status).toBe(403)
  })

  test('the doctor says whether secrets are sealed, and how many cannot be opened', async () => {
    const look = async ({ app }: Pick<System, 'app'>) => {
      const headers = { Authorization: `Bearer ${ADMIN_KEY}` }
      const { checks } = await expectJson<{ checks: { check: string }[] }>(app.request('/v1/doctor', { headers }), 200)
      return checks.find(({ check }) => check === 'secrets at rest')
    }
    await make()
    expect(await look(system)).toMatchObject({ detail: { sealed: true } })
    const config = { ...system.config, secretsKeys: [randomBytes(32)] }
    const core = await openCore({ config, engines: system.engines, name: 'stranger' })
    const found = await look({ app: createApp(openGateway(core)) } as System)
    await core.close()
    expect(found).toMatchObject({ ok: false, detail: { sealed: true, unreadable: expect.any(Number) } })
    expect((found as unknown as { detail: { unreadable: number } }).detail.unreadable).toBeGreaterThan(0)
  })

  test('without a key it is kept as it is, and goes on to work once there is one', async () => {
    const config = { ...system.config, secretsKeys: undefined }
    const core = await openCore({ config, engines: system.engines, name: 'plain' })
    const app = createApp(openGateway(core))
    const headers = {
      Authorization: `Bearer ${ADMIN_KEY}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': crypto.randomUUID(),
    }
    const response = await app.request('/v1/products/shop-web/signing-keys', { method: 'POST', headers, body: '{}' })
    const plain = await expectJson<Key>(response, 201)
    await core.close()
    expect((await kept(plain.kid)).includes(Buffer.from(plain.secret))).toBe(true)
    expect((await send('GET', sign(plain))).status).toBe(302)
  })
})

/** Signers learn of a new key in their own time; requests run throughout, through a socket. */
test('rotation under load: not one valid request fails, and none with what has ended succeeds', async () => {
  const socket = await openSocketClient(system)
  let signsWith = await make()
  const made = [signsWith]
  const answered = new Map<string, number>()
  const wrong: string[] = []
  let running = true
  const caller = async (): Promise<void> => {
    while (running) {
      const key = signsWith
      const response = await fetch(`${socket.address}${sign(key)}`, { redirect: 'manual' })
      await response.arrayBuffer()
      if (response.status !== 302) wrong.push(`${key.kid} ${response.status}`)
      answered.set(key.kid, (answered.get(key.kid) ?? 0) + 1)
    }
  }
  const callers = Array.from({ length: 8 }, caller)
  const seen = (kid: string, more: number) => {
    const from = answered.get(kid) ?? 0
    return until(`${more} requests with ${kid}`, () => (answered.get(kid) ?? 0) >= from + more, { withinMs: 30_000 })
  }
  try {
    for (let round = 0; round < 3; round++) {
      const old = signsWith
      await seen(old.kid, 30)
      const next = await expectJson<Key>(admin('POST', `/v1/signing-keys/${old.kid}/rotate`, { overlap: '1h' }), 201)
      made.push(next)
      // Nobody signs with it yet; what was signed before goes on, and so does what is signed meanwhile.
      await seen(old.kid, 30)
      signsWith = next
      await seen(next.kid, 30)
      // What the old one signed is still in caches and pages.
      expect((await send('GET', sign(old))).status).toBe(302)
    }
  } finally {
    running = false
    await Promise.all(callers)
    await socket.close()
  }
  expect(wrong).toEqual([])
  for (const key of made.slice(0, -1)) {
    expect((await admin('DELETE', `/v1/signing-keys/${key.kid}`)).status).toBe(204)
    await expectRefusal(send('GET', sign(key)), 403, 'forbidden')
  }
  expect((await send('GET', sign(signsWith))).status).toBe(302)
})

test('what a path admits with is in no log', () => {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const names = openRequestNames({ log, metrics: openMetrics() })
  const [token, proof] = ['T'.repeat(32), `shop-web-k3f9q2x7ab.1795219500.${'S'.repeat(43)}`]
  for (const path of [
    `/s/${proof}/i/a/b/v1/c.jpg`,
    `/share/${token}/i/a/b/v1/c.jpg`,
    `/i/a/b/v1/c.jpg?sig=${'S'.repeat(43)}`,
  ])
    names.end(names.begin(undefined, undefined), { route: 'x', method: 'GET', path, status: 500, product: undefined })
  expect(lines).toHaveLength(3)
  expect(lines.join()).toContain('/i/a/b/v1/c.jpg')
  expect(lines.join()).not.toMatch(/SSSS|TTTT/)
})
