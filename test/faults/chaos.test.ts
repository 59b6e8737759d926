/**
 * A network that is late, breaks connections and lets them hang, between a gateway and each of its engines, while clients upload,
 * publish and resolve. They do what a good client does: again for what is retryable, with the same Idempotency-Key. No answer may be
 * wrong meanwhile, and nothing that was acknowledged may be lost. `ASSET_MATRIX_CHAOS=20` is twenty minutes of it.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Core, openCore } from '../../src/gateway.ts'
import { ERROR_CATALOGUE, type ErrorCode } from '../../src/model/errors.ts'
import { expectJson } from '../support/http.ts'
import { openReceiver, type Receiver } from '../support/receiver.ts'
import { type CallOptions, requestOf, type System, startSystem } from '../support/system.ts'
import type { Troubled } from '../support/trouble.ts'
import { until } from '../support/until.ts'
import { expectAllDone, expectConsistent, query } from './intact.ts'
import { photo, randomFrom } from './photo.ts'
import { openTroubledEngines, openWhole } from './whole.ts'

const MINUTES = Number(process.env.ASSET_MATRIX_CHAOS ?? 1 / 3)
const CLIENTS = 3
/** A client that gives up after this asks again. */
const PATIENCE_MS = 20_000

let system: System
let core: Core
let address: string
let receiver: Receiver
const troubled: Troubled[] = []
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  system = await startSystem({
    worker: false,
    env: { WEBHOOK_ALLOW: '127.0.0.1', WORKERS: '1', LEASE_MS: '3000', POLL_MS: '200' },
  })
  const { engines, troubled: behind, close } = await openTroubledEngines(system)
  troubled.push(...Object.values(behind).filter(engine => engine != null))
  core = await openCore({ config: system.config, engines, name: 'chaos' })
  const whole = await openWhole(core)
  address = whole.address
  ends.push(whole.close, close)
  receiver = await openReceiver()
  const body = { url: receiver.url, types: ['asset.published'] }
  await expectJson(system.call('POST', '/v1/subscriptions', { key: system.keys['shop-web'], body }), 201)
})
afterAll(async () => {
  for (const end of ends) await end()
  await receiver.close()
  await system.close()
})

const key = (): string => system.keys['shop-web']
const ask = (method: string, path: string, options: CallOptions = {}): Promise<Response> =>
  fetch(`${address}${path}`, {
    ...requestOf(method, { key: key(), ...options }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  })

/** Of everything that was ever answered. */
const answers = new Map<string, number>()
const wrong: string[] = []
const note = async (what: string, response: Response): Promise<void> => {
  answers.set(`${what} ${response.status}`, (answers.get(`${what} ${response.status}`) ?? 0) + 1)
  if (response.status < 400) return
  const { code, retryable } = (await response.clone().json()) as { code: ErrorCode; retryable: boolean }
  // Nobody has done anything wrong: what is refused is refused can be asked for again.
  if (!retryable || ERROR_CATALOGUE[code].status !== response.status) wrong.push(`${what}: ${code}`)
}

/** Until it is answered with one of these: whatever happens meanwhile, two minutes are enough for anything. */
const insist = async (what: string, call: () => Promise<Response>, ...good: number[]): Promise<Response> => {
  const lastAt = Date.now() + 120_000
  for (;;) {
    const response = await call().catch(() => undefined)
    if (response !== undefined) {
      await note(what, response)
      if (good.includes(response.status)) return response
    }
    if (Date.now() > lastAt) throw new Error(`${what}: ${response?.status} ${await response?.text()}`)
    await pause(100)
  }
}

interface Made {
  readonly asset: string
  readonly digest: string
  shown: number
}
const made: Made[] = []

const client = async (n: number, goesOn: () => boolean): Promise<void> => {
  for (let round = 0; goesOn(); round++) {
    const send = (path: string, body: Uint8Array<ArrayBuffer>) => {
      const headers = { 'Idempotency-Key': randomUUID() }
      return () => ask('POST', path, { body, headers })
    }
    const bytes = async (i: number) => new Uint8Array(await photo(n * 100_000 + round * 2 + i))
    const upload = send('/v1/assets?collection=product-photo&publish=now', await bytes(0))
    const { asset, digest } = (await (await insist('upload', upload, 201)).json()) as Made
    const one: Made = { asset, digest, shown: 1 }
    made.push(one)
    const more = send(`/v1/assets/${asset}/versions?publish=manual`, await bytes(1))
    await insist('version', more, 201)
    // A resolve that begins after a publish was acknowledged sees it.
    const publish = () =>
      ask('POST', `/v1/assets/${asset}/publish`, { body: { version: 2 }, headers: { 'If-Match': '*' } })
    const isReady = () => ask('GET', `/v1/products/shop-web/assets/${asset}/renditions/card?version=2`)
    await insist('draft', isReady, 200, 302)
    await insist('publish', publish, 200)
    one.shown = 2
    const shown = await insist(
      'resolve',
      () =>
        ask('GET', `/v1/products/shop-web/assets/${asset}/renditions/card`, {
          headers: { Accept: 'application/json' },
        }),
      200,
      202,
    )
    if (shown.status === 200) expect(await shown.json()).toMatchObject({ asset, version: 2 })
  }
}

const makeTrouble = async (goesOn: () => boolean): Promise<string[]> => {
  const random = randomFrom(20_261_121)
  const what: string[] = []
  while (goesOn()) {
    const engine = troubled[Math.floor(random() * troubled.length)] as Troubled
    const kind = random()
    if (kind < 0.4) engine.cut()
    else if (kind < 0.7) engine.become('none', { lateMs: Math.floor(random() * 60) })
    else engine.become(kind < 0.85 ? 'gone' : 'hangs')
    what.push(kind < 0.4 ? 'cut' : kind < 0.7 ? 'late' : kind < 0.85 ? 'gone' : 'hangs')
    await pause(200 + random() * 1_300)
    engine.become('none')
    await pause(random() * 700)
  }
  for (const engine of troubled) engine.become('none')
  return what
}

test(
  'no answer is wrong, and nothing that was acknowledged is lost',
  async () => {
    const endsAt = Date.now() + MINUTES * 60_000
    const goesOn = () => Date.now() < endsAt
    const [troubles] = await Promise.all([
      makeTrouble(goesOn),
      ...Array.from({ length: CLIENTS }, (_, n) => client(n + 1, goesOn)),
    ])
    console.log(`${troubles.length} troubles, ${made.length} assets; answers:`, Object.fromEntries([...answers].sort()))
    expect(wrong).toEqual([])
    expect(made.length).toBeGreaterThan(0)

    const open = `select 1 from node where state not in ('DONE', 'DEAD') limit 1`
    await until('everything is derived', async () => (await query(system.core, open)).length === 0, {
      withinMs: 60_000,
    })
    await expectAllDone(system.core)
    await expectConsistent(system.core)
    for (const { asset, shown } of made) {
      const found = await expectJson<{ version: number }>(
        system.call('GET', `/v1/products/shop-web/assets/${asset}/renditions/card`, {
          key: key(),
          headers: { Accept: 'application/json' },
        }),
        200,
      )
      expect(found.version).toBe(shown)
      const told = () => receiver.heard.some(({ event }) => event.data.asset === asset && event.data.version === shown)
      await until(`${asset} has been told`, told, { withinMs: 60_000 })
    }
  },
  MINUTES * 60_000 + 200_000,
)
