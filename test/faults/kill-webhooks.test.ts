/**
 * Gateways killed at random moments while they tell a receiver what happens, and others in their place. Events go on being committed
 * meanwhile. The receiver keeps what it has not seen, by the id of the event: in the end it has each once, those of an asset in
 * their order, and nothing that did not happen.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { environmentOf, type Forked, forkNode } from '../support/fork-node.ts'
import { openReceiver, type Receiver } from '../support/receiver.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { query } from './intact.ts'
import { randomFrom } from './photo.ts'

/** Twenty take two minutes: `ASSET_MATRIX_KILLS=20`. */
const KILLS = Number(process.env.ASSET_MATRIX_KILLS ?? 6)
const SEED = 20_261_125
const ASSETS = 12

let system: System
let hook: Receiver
let sweep: ReturnType<typeof startSweep>
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WEBHOOK_ALLOW: '127.0.0.1' } })
  hook = await openReceiver()
  sweep = startSweep(system.core)
})
afterAll(async () => {
  await sweep.stop()
  await hook.close()
  await system.close()
})

const start = () =>
  forkNode({
    file: 'test/support/fork-gateway.ts',
    env: environmentOf(system, { ROLE: 'gateway', LOG_LEVEL: 'silent', WEBHOOK_ALLOW: '127.0.0.1' }),
  })
/** What a dead process carried it would keep for 20 s. */
const nobodyCarries = () => query(system.core, 'update subscription set lease_until = now() where lease_until > now()')

test(
  `killed ${KILLS} times, everything is heard, in the order of each asset`,
  async () => {
    const random = randomFrom(SEED)
    const seen = new Map<string, { subject: string; no: number }>()
    const order: string[] = []
    const refused = new Set<string>()
    let doubled = 0
    hook.behave((response, { id, event }) => {
      if (seen.has(id) && !refused.has(id)) doubled++
      if (!seen.has(id)) {
        seen.set(id, { subject: event.subject, no: event.data.asset_event_no as number })
        order.push(id)
      }
      // Some answers come too late for who is killed meanwhile, some are refusals.
      const refuses = random() < 0.03
      if (refuses) refused.add(id)
      else refused.delete(id)
      setTimeout(() => response.writeHead(refuses ? 500 : 204).end(), random() * 40)
    })
    const body = { url: hook.url }
    const made = await system.call('POST', '/v1/subscriptions', { key: ADMIN_KEY, body })
    expect(made.status).toBe(201)

    const assets: string[] = []
    for (let n = 0; n < ASSETS; n++) assets.push((await system.upload(new TextEncoder().encode(`thing ${n}`))).asset)
    let isOver = false
    const happen = async (): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const asset = assets[Math.floor(random() * ASSETS)]
        const body = { attributes: { caption: String(n) } }
        const headers = { 'If-Match': '*' }
        expect((await system.call('PATCH', `/v1/assets/${asset}`, { key: ADMIN_KEY, body, headers })).status).toBe(200)
        await delay(25)
        // However slow the machine is, what has not been heard in the end is not more than can be.
        while (!isOver && n > seen.size + 500) await delay(25)
      }
    }
    const happening = happen()
    let serving: Forked = await start()
    for (let killed = 0; killed < KILLS; killed++) {
      const enough = seen.size + 5 + Math.floor(random() * 20)
      await until('it is telling', () => seen.size > enough, { withinMs: 60_000 })
      const next = start()
      await serving.kill()
      expect(serving.complaints()).toBe('')
      serving = await next
      await nobodyCarries()
    }
    isOver = true
    await happening
    await until(
      'all is told',
      async () => {
        // Refusals would be told again in seconds, or minutes.
        await query(
          system.core,
          `with held as (select 1 from subscription for update) update delivery set not_before = now() where state = 'PENDING' and (select count(*) from held) >= 0`,
        )
        await query(system.core, 'update subscription set hold_until = now()')
        const [left] = await query<{ n: number; behind: number }>(
          system.core,
          `select (select count(*)::int from delivery where state <> 'DONE') as n,
             (select (max(h.seq) - min(s.cursor_seq))::int from subscription s, event_head h) as behind`,
        )
        const [open] = await query<{ n: number }>(system.core, 'select count(*)::int as n from event where seq is null')
        return left?.n === 0 && left.behind === 0 && open?.n === 0
      },
      { withinMs: 120_000, everyMs: 100 },
    )
    await serving.kill('SIGTERM')

    const log = await query<{ id: string; asset: string; no: number }>(
      system.core,
      'select event_id as id, asset_id as asset, asset_event_no::int as no from event order by seq',
    )
    const cursor = await query<{ first: number }>(system.core, 'select min(event_seq)::int as first from delivery')
    expect(cursor[0]?.first).toBe(1)
    expect([...seen.keys()].sort()).toEqual(log.map(({ id }) => id).sort())
    for (const asset of assets) {
      const heard = order.flatMap(id => {
        const one = seen.get(id)
        return one?.subject === `assets/${asset}` ? [one.no] : []
      })
      expect(heard).toEqual(log.filter(one => one.asset === asset).map(({ no }) => no))
    }
    // Somebody died with something in hand, or this has shown nothing.
    expect(doubled).toBeGreaterThan(0)
    console.log(`seed ${SEED}: ${KILLS} kills, ${log.length} events, ${doubled} heard again`)
  },
  60_000 + KILLS * 20_000,
)
