/**
 * Receivers of webhooks that mean harm: where they say that they are, who answers for their names, and how they answer. The public
 * internet is 127.0.0.1 here, by the list of what is allowed; 127.0.0.2 stands for what is inside, and a trap counts who comes
 * there. While they do what they do, an honest receiver hears everything at once.
 */
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startTelling } from '../../src/events/start-telling.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { openReach } from '../../src/outbound/reach.ts'
import type { ResolveHost } from '../../src/outbound/resolve.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { openReceiver, type Receiver, TAKES } from '../support/receiver.ts'
import { openHttp, openRaw, type Place } from '../support/sources.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const INSIDE = '127.0.0.2'
const OUTSIDE = '127.0.0.1'
const TIMEOUT_MS = 1_500

let system: System
let send: Send
let telling: ReturnType<typeof startTelling>
let honest: Receiver
let trap: Place
/** What names lead to, one answer after the other; the last one goes on. */
const names = new Map<string, (readonly string[])[]>()
const resolve: ResolveHost = async host => {
  const answers = names.get(host) ?? [[/^[\d.]+$|:/.test(host) ? host : OUTSIDE]]
  return (answers.length > 1 ? answers.shift() : answers[0]) ?? []
}
const places: { close(): Promise<void> }[] = []
const made: string[] = []

beforeAll(async () => {
  system = await startSystem({
    worker: false,
    env: { WEBHOOK_ALLOW: OUTSIDE, WEBHOOK_TIMEOUT_MS: String(TIMEOUT_MS), WEBHOOK_SUBSCRIPTIONS: '100' },
    alter: core => ({
      ...core,
      hookPlaces: { ...core.hookPlaces, reach: openReach({ resolve, allow: core.config.webhookAllow }) },
    }),
  })
  send = await openClient(system)
  honest = await openReceiver()
  trap = await openHttp((_, response) => response.end(), INSIDE)
  telling = startTelling(system.gateway)
})
afterEach(async () => {
  expect(trap.connections()).toBe(0)
  for (const id of made.splice(0))
    await send('DELETE', `/v1/subscriptions/${id}`, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })
  await Promise.all(places.splice(0).map(place => place.close()))
  honest.heard.length = 0
})
afterAll(async () => {
  await telling.stop()
  await Promise.all([honest.close(), trap.close()])
  await system.close()
})

const opened = async <T extends { close(): Promise<void> }>(place: Promise<T>): Promise<T> => {
  places.push(await place)
  return place
}
const subscribe = async (url: string): Promise<string> => {
  const body = { url, types: ['asset.published'] }
  const { id } = await expectJson<{ id: string }>(send('POST', '/v1/subscriptions', { key: ADMIN_KEY, body }), 201)
  made.push(id)
  return id
}
const publish = async (count = 1): Promise<void> => {
  const text = () => new TextEncoder().encode(crypto.randomUUID())
  for (let n = 0; n < count; n++) await system.upload(text())
  await sequenceEvents(system.core.database)
}
interface Tried {
  readonly event: string
  readonly attempts: readonly { readonly ms: number; readonly status?: number; readonly class?: string }[]
}
const tried = (id: string): Promise<Tried['attempts'][number]> =>
  until(
    'it has been tried',
    async () => {
      const path = `/v1/subscriptions/${id}/deliveries`
      const { items } = await expectJson<{ items: Tried[] }>(send('GET', path, { key: ADMIN_KEY }), 200)
      return items.find(({ attempts }) => attempts.length > 0)?.attempts[0]
    },
    { withinMs: 15_000 },
  )

describe('where they are', () => {
  test('a name that leads inside is refused, and so is one of which a single address does', async () => {
    names.set('inside.test', [[INSIDE]])
    names.set('both.test', [[OUTSIDE, INSIDE]])
    names.set('nowhere.test', [[]])
    const told = await Promise.all(
      ['inside', 'both', 'nowhere'].map(async name => {
        const body = { url: `http://${name}.test:${trap.port}/hook` }
        const refusal = expectRefusal(send('POST', '/v1/subscriptions', { key: ADMIN_KEY, body }), 422, 'url-forbidden')
        const { instance: _, ...rest } = await refusal
        return rest
      }),
    )
    // What there is inside is not told apart from what there is not.
    expect(new Set(told.map(one => JSON.stringify(one))).size).toBe(1)
  })

  test('a name that leads inside later is not followed there', async () => {
    names.set('turns.test', [[OUTSIDE], [INSIDE]])
    const id = await subscribe(`http://turns.test:${trap.port}/hook`)
    await publish()
    expect(await tried(id)).toMatchObject({ class: 'url-forbidden' })
  })

  test('nor when it turns between the look and the connection: what was checked is what is connected to', async () => {
    const hook = await opened(openReceiver())
    names.set('flips.test', [[OUTSIDE], [OUTSIDE], [INSIDE]])
    const id = await subscribe(`http://flips.test:${hook.port}/hook`)
    await publish()
    expect(await tried(id)).toMatchObject({ status: 204 })
    expect(hook.heard[0]?.headers.host).toBe(`flips.test:${hook.port}`)
  })

  test('an open connection is no way to where a name has led', async () => {
    const hook = await opened(openReceiver())
    names.set('moves.test', [[OUTSIDE], [OUTSIDE], [INSIDE]])
    const id = await subscribe(`http://moves.test:${hook.port}/hook`)
    await publish()
    await until('it is told', () => hook.heard.length === 1)
    // For a second it goes by what it has looked up, and to that address.
    const refused = await until('it is refused', async () => {
      await publish()
      const path = `/v1/subscriptions/${id}/deliveries`
      const { items } = await expectJson<{ items: Tried[] }>(send('GET', path, { key: ADMIN_KEY }), 200)
      return items.find(({ attempts }) => attempts[0]?.class === 'url-forbidden')
    })
    expect(hook.heard.map(heard => heard.id)).not.toContain(refused.event)
  })

  test('a public address has its ports', async () => {
    names.set('public.test', [['93.184.215.14']])
    const body = { url: 'http://public.test:6379/' }
    await expectRefusal(send('POST', '/v1/subscriptions', { key: ADMIN_KEY, body }), 422, 'url-forbidden')
  })

  test.each([301, 302, 303, 307, 308])('a redirect inside (%i) is not followed', async status => {
    const Location = `http://${INSIDE}:${trap.port}/`
    const hook = await opened(openReceiver(response => void response.writeHead(status, { Location }).end()))
    const id = await subscribe(hook.url)
    await publish()
    expect(await tried(id)).toMatchObject({ status, class: 'redirect' })
    expect(hook.heard).toHaveLength(1)
  })
})

const drip = (begin: string) => (socket: Socket) => {
  socket.write(begin)
  const timer = setInterval(() => socket.write('x'), 100)
  socket.on('close', () => clearInterval(timer))
}
const flood = (begin: string) => (socket: Socket) => {
  const more = Buffer.alloc(65_536, 'x')
  const pour = (): void => {
    while (!socket.destroyed && socket.write(more));
  }
  socket.on('drain', pour)
  socket.write(begin)
  pour()
}

describe('how they answer', () => {
  test.each([
    ['with nothing', () => undefined, { class: 'timeout' }],
    ['with a head that never ends', drip('HTTP/1.1 200 OK\r\nx: '), { class: 'timeout' }],
    ['with headers beyond all measure', flood('HTTP/1.1 200 OK\r\nx: '), { class: 'unreachable' }],
    ['with something else', socket => void socket.end('220 mail ready\r\n'), { class: 'unreachable' }],
    ['by hanging up', socket => void socket.destroy(), { class: 'unreachable' }],
    [
      'with another protocol',
      socket => void socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
      { class: 'unreachable' },
    ],
    ['with a yes a byte at a time', drip('HTTP/1.1 200 OK\r\n\r\n'), { status: 200 }],
    ['with a yes without end', flood('HTTP/1.1 200 OK\r\n\r\n'), { status: 200 }],
    ['with a no without end', flood('HTTP/1.1 500 No\r\n\r\n'), { status: 500, class: 'failed' }],
  ] as const satisfies readonly (readonly [string, (socket: Socket) => void, object])[])(
    '%s',
    async (_how, speak, outcome) => {
      const place = await opened(openRaw(speak))
      const id = await subscribe(`http://${OUTSIDE}:${place.port}/hook`)
      await publish()
      const attempt = await tried(id)
      expect(attempt).toMatchObject(outcome)
      expect(attempt.ms).toBeLessThan(TIMEOUT_MS + 2_000)
    },
  )

  test('with a bomb, which nobody unpacks', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const hook = await opened(
      openReceiver(response => void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(bomb)),
    )
    const id = await subscribe(hook.url)
    await publish()
    expect(await tried(id)).toMatchObject({ status: 200 })
    expect(hook.heard[0]?.headers['accept-encoding']).toBe('identity')
  })

  test('by closing a connection as it is taken again, which costs nothing', async () => {
    const answered = new Set<Socket>()
    let closed = 0
    const hook = await opened(
      openReceiver(response => {
        const socket = response.socket as Socket
        if (answered.has(socket)) {
          closed++
          socket.destroy()
          return
        }
        answered.add(socket)
        response.writeHead(204).end()
      }),
    )
    const id = await subscribe(hook.url)
    for (let n = 1; n <= 4; n++) {
      await publish()
      await until('it is told', async () => {
        const path = `/v1/subscriptions/${id}/deliveries?state=DONE`
        return (await expectJson<{ items: Tried[] }>(send('GET', path, { key: ADMIN_KEY }), 200)).items.length === n
      })
    }
    const path = `/v1/subscriptions/${id}/deliveries`
    const { items } = await expectJson<{ items: Tried[] }>(send('GET', path, { key: ADMIN_KEY }), 200)
    expect(items.map(({ attempts }) => attempts)).toEqual(items.map(() => [expect.objectContaining({ status: 204 })]))
    expect(closed).toBeGreaterThan(0)
  })

  test('by leaving it open: it is used again, by the subscription that opened it', async () => {
    const hook = await opened(openReceiver())
    for (let n = 0; n < 2; n++) await subscribe(hook.url)
    for (let n = 1; n <= 5; n++) {
      await publish()
      await until('both are told', () => hook.heard.length === 2 * n)
    }
    // One that idles for some seconds is closed, on a machine that has much to do; two subscriptions share none.
    expect(hook.connections()).toBeGreaterThanOrEqual(2)
    expect(hook.connections()).toBeLessThan(hook.heard.length)
  })

  test('the honest one hears all of it at once, however many of the others there are', async () => {
    const silent = await opened(openRaw(() => undefined))
    const endless = await opened(openRaw(flood('HTTP/1.1 200 OK\r\n\r\n')))
    const slow = await opened(openRaw(drip('HTTP/1.1 200 OK\r\nx: ')))
    const refusing = await opened(openReceiver(response => void response.writeHead(500).end()))
    for (const port of [silent, endless, slow, refusing].map(place => place.port))
      for (let n = 0; n < 10; n++) await subscribe(`http://${OUTSIDE}:${port}/hook`)
    await subscribe(honest.url)
    await publish(20)
    await until('the honest one has heard', () => honest.heard.length === 20, { withinMs: 10_000 })
    // The others have not even come to the end of their first tries.
    const rest = `select count(*)::int as n from delivery where state in ('PENDING', 'WAITING')`
    const [left] = await system.core.database.rows<{ n: number }>({ name: 'test_left', text: rest }, [])
    expect(left?.n).toBeGreaterThan(20 * 20)
    expect(new Set(honest.heard.map(({ id }) => id)).size).toBe(20)
  })
})

test('what is told names nothing of ours but what it is about', async () => {
  const hook = await opened(openReceiver(TAKES))
  const id = await subscribe(hook.url)
  await publish()
  await tried(id)
  const [heard] = hook.heard
  expect(Object.keys(heard?.headers ?? {}).sort()).toEqual([
    ...['accept', 'accept-encoding', 'connection', 'content-length', 'content-type', 'host', 'user-agent'],
    ...['webhook-id', 'webhook-signature', 'webhook-timestamp'],
  ])
  expect(Buffer.byteLength(heard?.body ?? '')).toBeLessThan(20_000)
})
