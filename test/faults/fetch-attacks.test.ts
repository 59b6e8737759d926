/**
 * Originals by URL from those who mean harm: whoever names the URL, whoever answers for its name, and whoever answers at it.
 * The public internet is 127.0.0.1 here, by the list of what is allowed; 127.0.0.2 stands for what is inside, and a trap counts
 * who comes there.
 */
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openConfiguredFetch } from '../../src/ingest/configured-fetch.ts'
import type { ResolveHost } from '../../src/outbound/resolve.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { openHttp, openRaw, type Place } from '../support/sources.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const INSIDE = '127.0.0.2'
const OUTSIDE = '127.0.0.1'

let system: System
let send: Send
let trap: Place
/** At the port of the trap, outside. */
let bait: Place
const asked: string[] = []
/** What names lead to, one answer after the other; the last one goes on. */
const names = new Map<string, (readonly string[])[]>()
const looked: string[] = []

const resolve: ResolveHost = async host => {
  looked.push(host)
  const answers = names.get(host) ?? [[/^[\d.]+$|:/.test(host) ? host : OUTSIDE]]
  return (answers.length > 1 ? answers.shift() : answers[0]) ?? []
}

beforeAll(async () => {
  system = await startSystem({
    worker: false,
    env: {
      FETCH_ALLOW: OUTSIDE,
      FETCH_PORTS: 'any',
      FETCH_MS: '1500',
      FETCH_IDLE_MS: '300',
      FETCH_AT_ONCE: '4',
      MAX_FETCH_BYTES: '1000000',
    },
    alter: core => ({
      ...core,
      fetchOriginal: openConfiguredFetch(core.config, { folder: core.spoolFolder, resolve }),
    }),
  })
  send = await openClient(system)
  const jpeg = await photo({ width: 40, height: 30 })
  trap = await openHttp((_, response) => response.end(jpeg), INSIDE)
  bait = await openHttp(
    (request, response) => {
      asked.push(`${request.headers.host}${request.url}`)
      const to = new URL(request.url ?? '', 'http://x').searchParams.get('to')
      if (to === null) response.end(Buffer.concat([jpeg, Buffer.from(randomUUID())]))
      else response.writeHead(302, { Location: Buffer.from(to).toString('latin1') }).end()
    },
    OUTSIDE,
    trap.port,
  )
})
afterAll(async () => {
  await bait.close()
  await trap.close()
  await system.close()
})

const take = (source_url: string): Promise<Response> =>
  send('POST', '/v1/assets', { key: system.keys['shop-web'], body: { collection: 'product-photo', source_url } })

/** The refusal as it is told, without what is different for each request. */
const told = async (source_url: string): Promise<object> => {
  const { instance: _, ...problem } = await expectJson(take(source_url), 422)
  expect(problem.code).toBe('url-forbidden')
  return problem
}

const spelt = (port: number): readonly string[] => [
  `http://127.2:${port}/`,
  `http://2130706434:${port}/`,
  `http://0x7f.2:${port}/`,
  `http://0x7f000002:${port}/`,
  `http://0177.0.0.2:${port}/`,
  `http://127.0.0.2.:${port}/`,
  `http://①②⑦.⓪.⓪.②:${port}/`,
  `http://[::ffff:127.0.0.2]:${port}/`,
  `http://[::ffff:7f00:2]:${port}/`,
  `http://[::127.0.0.2]:${port}/`,
  `http://[64:ff9b::7f00:2]:${port}/`,
  `http://[64:ff9b:1::7f00:2]:${port}/`,
  `http://[2002:7f00:2::]:${port}/`,
  `http://[2001::1]:${port}/`,
  `http://[::1]:${port}/`,
  `http://[::]:${port}/`,
  `http://[fe80::1]:${port}/`,
  `http://[fd00::1]:${port}/`,
  `http://[fec0::1]:${port}/`,
  `http://[ff02::1]:${port}/`,
  `http://[2001:db8::1]:${port}/`,
  `http://[4000::1]:${port}/`,
  `http://0.0.0.0:${port}/`,
  `http://0:${port}/`,
  `http://10.0.0.1:${port}/`,
  `http://172.16.0.1:${port}/`,
  `http://192.168.0.1:${port}/`,
  `http://100.64.0.1:${port}/`,
  'http://169.254.169.254/latest/meta-data/',
  'http://[fd00:ec2::254]/latest/meta-data/',
  `http://192.0.2.1:${port}/`,
  `http://198.18.0.1:${port}/`,
  `http://224.0.0.1:${port}/`,
  `http://240.0.0.1:${port}/`,
  `http://255.255.255.255:${port}/`,
]

test('T11: no spelling of an address inside is connected to, and one answer tells of none of them', async () => {
  await leavesNothing(system, async () => {
    const answers = new Set<string>()
    for (const url of spelt(trap.port)) answers.add(JSON.stringify(await told(url)))
    // A closed port, and a name that nobody has.
    answers.add(JSON.stringify(await told('http://127.0.0.2:9/')))
    names.set('nobody.example', [[]])
    answers.add(JSON.stringify(await told('http://nobody.example/')))
    expect([...answers]).toHaveLength(1)
    expect([...answers][0]).toContain('"detail":"The host has no address that is fetched from."')
  })
  expect(trap.connections()).toBe(0)
})

test('T11: nothing but http: and https: is fetched, and nobody brings a user along', async () => {
  await leavesNothing(system, async () => {
    for (const url of [
      'file:///etc/passwd',
      'ftp://example.com/a.jpg',
      'gopher://127.0.0.2:70/_',
      'data:image/png;base64,AAAA',
      'blob:http://example.com/x',
      'javascript:alert(1)',
      `http://user@127.0.0.1:${bait.port}/`,
      `http://user:password@127.0.0.1:${bait.port}/`,
      `http://127.0.0.1:${bait.port}@127.0.0.2:${trap.port}/`,
    ])
      await told(url)
  })
  expect(asked).toEqual([])
  expect(trap.connections()).toBe(0)
})

test('T11: without a list nothing of this machine is reached, and only ports of the web', async () => {
  const { config, spoolFolder: folder } = system.core
  const closed = openConfiguredFetch(
    { ...config, fetchAllow: { networks: [], hosts: new Set() }, fetchPorts: new Set([80, 443, bait.port]) },
    { folder },
  )
  for (const host of ['127.1', '2130706433', '[::ffff:127.0.0.1]', '0x7f.1', '127.0.0.1', '[::1]'])
    await expect(closed(`http://${host}:${bait.port}/`)).rejects.toMatchObject({ code: 'url-forbidden' })
  await expect(closed('http://93.184.215.14:22/')).rejects.toMatchObject({ code: 'url-forbidden' })
  expect(bait.connections()).toBe(0)
})

test('T12: a name is resolved once, and the connection goes where it led then', async () => {
  names.set('rebind.example', [[OUTSIDE], [INSIDE]])
  looked.length = 0
  await expectJson(take(`http://rebind.example:${bait.port}/a.jpg`), 201)
  expect(looked).toEqual(['rebind.example'])
  expect(asked).toContain(`rebind.example:${bait.port}/a.jpg`)
  expect(trap.connections()).toBe(0)
})

test('T12: of a name that leads to several addresses every one is checked', async () => {
  for (const addresses of [[OUTSIDE, INSIDE], [INSIDE, OUTSIDE], [OUTSIDE, '::ffff:127.0.0.2'], ['64:ff9b::7f00:2']]) {
    names.set('several.example', [addresses])
    await told(`http://several.example:${bait.port}/`)
  }
  expect(trap.connections()).toBe(0)
})

test('T12: every hop of a redirect is checked like the first', async () => {
  const from = (to: string): string => `http://outside.example:${bait.port}/?to=${encodeURIComponent(to)}`
  names.set('later.example', [[OUTSIDE], [INSIDE]])
  await leavesNothing(system, async () => {
    for (const url of spelt(trap.port)) await told(from(url))
    for (const to of ['file:///etc/passwd', '//127.0.0.2/', `http://u:p@127.0.0.1:${bait.port}/`]) await told(from(to))
    // The same name, which leads elsewhere by the second time.
    await told(`http://later.example:${bait.port}/?to=${encodeURIComponent('/again')}`)
    await expectRefusal(take(from('http://')), 424, 'source-unavailable')
    await expectRefusal(take(from(from(from(from(from(from('/'))))))), 424, 'source-unavailable')
  })
  expect(trap.connections()).toBe(0)
})

test('a source that redirects for ever is left after five', async () => {
  const before = asked.length
  names.set('loop.example', [[OUTSIDE]])
  const loop = await openHttp((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(302, { Location: `/${asked.length}` }).end()
  })
  await expectRefusal(take(`http://loop.example:${loop.port}/`), 424, 'source-unavailable')
  expect(asked.length - before).toBe(6)
  await loop.close()
})

const head = (fields: string): string => `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`
/** Writes on and on, as fast as it is taken. */
const endlessly = (socket: Socket, chunk: Buffer): void => {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', more)
  more()
}
/** A byte now and then, more often than the longest silence. */
const dripping = (socket: Socket, text: string): void => {
  const timer = setInterval(() => socket.write(text), 50)
  socket.on('close', () => clearInterval(timer))
}

const HOSTILE: readonly [string, number, string, (socket: Socket) => void][] = [
  [
    'a body without end',
    413,
    'payload-too-large',
    socket => {
      socket.write(head('Content-Type: image/jpeg'))
      endlessly(socket, Buffer.alloc(65_536))
    },
  ],
  [
    'a chunked body without end',
    413,
    'payload-too-large',
    socket => {
      socket.write(head('Transfer-Encoding: chunked'))
      endlessly(socket, Buffer.from(`8000\r\n${'x'.repeat(0x8000)}\r\n`))
    },
  ],
  [
    'a byte at a time, never silent',
    424,
    'source-unavailable',
    socket => {
      socket.write(head('Content-Length: 999999'))
      dripping(socket, 'x')
    },
  ],
  [
    'a head that never ends',
    424,
    'source-unavailable',
    socket => {
      socket.write('HTTP/1.1 200 OK\r\n')
      dripping(socket, 'X-A: b\r\n')
    },
  ],
  ['early hints for ever', 424, 'source-unavailable', socket => dripping(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n')],
  ['silence', 424, 'source-unavailable', () => undefined],
  ['silence after the head', 424, 'source-unavailable', socket => void socket.write(head('Content-Length: 10'))],
  ['huge headers', 424, 'source-unavailable', socket => socket.end(head(`X-Long: ${'x'.repeat(100_000)}`))],
  ['many headers', 424, 'source-unavailable', socket => socket.end(head(Array(20_000).fill('A: b').join('\r\n')))],
  ['less than was announced', 424, 'source-unavailable', socket => socket.end(`${head('Content-Length: 500')}abc`)],
  [
    'a chunk that is cut',
    424,
    'source-unavailable',
    socket => socket.end(`${head('Transfer-Encoding: chunked')}ff\r\nab`),
  ],
  [
    'two lengths',
    424,
    'source-unavailable',
    socket => socket.end(`${head('Content-Length: 3\r\nContent-Length: 5')}abcde`),
  ],
  [
    'a length beside chunks',
    424,
    'source-unavailable',
    socket => socket.end(`${head('Content-Length: 3\r\nTransfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`),
  ],
  ['no HTTP', 424, 'source-unavailable', socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ['a reset', 424, 'source-unavailable', socket => socket.resetAndDestroy()],
  ['a packed body', 415, 'unsupported-media', socket => socket.end(`${head('Content-Encoding: gzip')}abc`)],
  ['a length beyond the limit', 413, 'payload-too-large', socket => void socket.write(head('Content-Length: 1000001'))],
  [
    'an upgrade',
    424,
    'source-unavailable',
    socket => socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  ],
]

test.each(HOSTILE)(
  'a source that sends %s is refused in time, and nothing of it is left',
  async (_, status, code, speak) => {
    const place = await openRaw(speak)
    await leavesNothing(system, async () => {
      await expectRefusal(take(`http://hostile.example:${place.port}/`), status, code)
    })
    await place.close()
  },
)

test('https: is what it proves to be', async () => {
  await leavesNothing(system, async () => {
    await expectRefusal(take(`https://outside.example:${bait.port}/`), 424, 'source-unavailable')
  })
})

test('no more are fetched at once than may be, and the place of one is free again', async () => {
  const silent = await openRaw(() => undefined)
  const url = `http://silent.example:${silent.port}/`
  const waiting = Array.from({ length: 4 }, () => take(url))
  await until('four to wait', () => silent.connections() === 4)
  const fetchOne = system.gateway.fetchOriginal(url)
  await expect(fetchOne).rejects.toMatchObject({ code: 'overloaded' })
  for (const response of await Promise.all(waiting)) expect(response.status).toBe(424)
  await expectJson(take(`http://free.example:${bait.port}/free.jpg`), 201)
  await silent.close()
})

test('the trap would have caught whoever came', async () => {
  await fetch(`http://${INSIDE}:${trap.port}/`)
  expect(trap.connections()).toBe(1)
})
