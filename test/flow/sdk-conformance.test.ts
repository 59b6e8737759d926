/** `matrix test`: green on a gateway of ours, and each suite red where something in between breaks what it looks at. */
import { createServer, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runSuites, type Suite } from '../../src/cli/conformance/run.ts'
import { type Repeated, repeat } from '../../src/lib/repeat.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { openSocketClient } from '../support/http.ts'
import { runMatrix } from '../support/started.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Passing {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
}
interface Passed {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}
interface Sabotage {
  readonly asked?: (asked: Passing) => void
  readonly answered?: (asked: Passing, answer: Passed) => Partial<Passed> | undefined
}

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let numbering: Repeated<unknown>
beforeAll(async () => {
  system = await startSystem({ env: { WEBHOOK_ALLOW: '127.0.0.1' } })
  socket = await openSocketClient(system)
  numbering = repeat(() => sequenceEvents(system.core.database), { everyMs: 50, onError: () => undefined })
})
afterAll(async () => {
  await numbering.stop()
  await socket.close()
  await system.close()
})

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Passes everything on, and what the sabotage wants otherwise. */
const sabotaged = async (sabotage: Sabotage, use: (url: string) => Promise<void>): Promise<void> => {
  const server = createServer((request, response) => {
    const pass = async (): Promise<void> => {
      const { method = 'GET', url: path = '/' } = request
      const { host: _, connection: __, 'content-length': ___, 'transfer-encoding': ____, ...headers } = request.headers
      const asked: Passing = { method, path, headers: headers as Record<string, string> }
      sabotage.asked?.(asked)
      const body = await bodyOf(request)
      const answer = await fetch(`${socket.address}${path}`, {
        method,
        redirect: 'manual',
        headers: asked.headers,
        ...(body.length > 0 && { body: new Uint8Array(body) }),
      })
      const passed: Passed = { status: answer.status, headers: answer.headers, text: await answer.text() }
      const { status, headers: said, text } = { ...passed, ...sabotage.answered?.(asked, passed) }
      const kept = [...said].filter(
        ([name]) => !/^(?:content-length|content-encoding|transfer-encoding|connection)$/.test(name),
      )
      response.writeHead(status, Object.fromEntries(kept)).end(status === 204 || status === 304 ? undefined : text)
    }
    pass().catch(() => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    await use(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
  } finally {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
}

const outcomes = async (url: string, suites?: readonly Suite[]) =>
  runSuites({ url, admin: ADMIN_KEY, receiver: undefined, ...(suites && { suites }) })

test('a gateway of ours keeps its word, as one asks from a shell, too', async () => {
  const findings = await outcomes(socket.address)
  expect(findings.filter(({ result }) => result !== 'holds')).toEqual([])
  expect(new Set(findings.map(({ suite }) => suite)).size).toBe(5)
  const options = ['test', socket.address, '--key', ADMIN_KEY, '--suite', 'idempotency']
  const { code, out } = await runMatrix('/', options)
  expect(out).toMatch(/4 hold, 0 are broken$/)
  expect(code).toBe(0)
  expect((await runMatrix('/', ['test', '--suite', 'nonsense'])).code).toBe(2)
}, 180_000)

/** Changes a JSON answer of some requests. */
const rewriting =
  (
    method: string,
    path: RegExp,
    change: (body: Record<string, unknown>) => unknown,
  ): NonNullable<Sabotage['answered']> =>
  (asked, { text, status }) => {
    if (asked.method !== method || !path.test(asked.path) || status >= 300) return undefined
    return { text: JSON.stringify(change(JSON.parse(text) as Record<string, unknown>)) }
  }

/** A refusal in place of the answer, of the form that the document has. */
const refused = (status: number, code: string): Partial<Passed> => ({
  status,
  headers: new Headers({ 'content-type': 'application/problem+json' }),
  text: JSON.stringify({ type: `/problems/${code}`, title: code, instance: '/', retryable: false, status, code }),
})

describe('is broken where', () => {
  test.each<[Suite, string, string, Sabotage]>([
    [
      'contract',
      'a field of an answer is another type',
      'does not fit its schema',
      { answered: rewriting('GET', /^\/v1\/assets\/[^/?]+$/, body => ({ ...body, publication: 'twelve' })) },
    ],
    [
      'idempotency',
      'the key is not heeded',
      'assets were made',
      {
        asked: ({ headers }) => {
          if ('idempotency-key' in headers) headers['idempotency-key'] = crypto.randomUUID()
        },
      },
    ],
    [
      'ordering',
      'two events change places',
      'they came as',
      {
        answered: rewriting('GET', /^\/v1\/events\?/, body => ({
          ...body,
          items: (body.items as unknown[]).toReversed(),
        })),
      },
    ],
    [
      'authorisation',
      'a stranger is taken for an administrator',
      'was answered 200',
      {
        asked: ({ method, path, headers }) => {
          if (method === 'GET' && /^\/v1\/assets\/[^/]+$/.test(path) && headers.authorization)
            headers.authorization = `Bearer ${ADMIN_KEY}`
        },
      },
    ],
    [
      'signature',
      'what is signed is signed with another secret',
      'does not verify',
      {
        answered: rewriting('POST', /^\/v1\/subscriptions$/, body => ({
          ...body,
          secret: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
        })),
      },
    ],
    [
      'contract',
      'what is asked for rightly is refused, by a status that the document names',
      'was answered 429',
      {
        answered: ({ method, path }) =>
          method === 'GET' && /^\/v1\/products\/[^/]+\/usage/.test(path) ? refused(429, 'rate-limited') : undefined,
      },
    ],
    [
      'authorisation',
      'lists cannot be read',
      'a list was answered 500',
      { answered: ({ path }) => (path.startsWith('/v1/events?') ? refused(500, 'internal') : undefined) },
    ],
    [
      'authorisation',
      'a stranger hears what the owner hears, as soon as there is something to hear',
      'its events are told to a stranger',
      {
        asked: ({ path, headers }) => {
          if (path.startsWith('/v1/events?')) headers.authorization = `Bearer ${ADMIN_KEY}`
        },
      },
    ],
    [
      'authorisation',
      'the log tells nobody anything',
      'has it not in his lists',
      { answered: rewriting('GET', /^\/v1\/events\?/, body => ({ ...body, items: [] })) },
    ],
    [
      'signature',
      'a subscription is refused, by another reason than where it leads',
      'a subscription was answered 422',
      {
        answered: ({ method, path }) =>
          method === 'POST' && path === '/v1/subscriptions' ? refused(422, 'contract-violation') : undefined,
      },
    ],
  ])('%s: %s', async (suite, _, why, sabotage) => {
    await sabotaged(sabotage, async url => {
      const broken = (await outcomes(url, [suite])).filter(({ result }) => result === 'broken')
      expect(broken.map(finding => finding.why).join('\n')).toContain(why)
    })
  })

  test('signature: somebody said where he is reached, and may not be told there', async () => {
    const forbids: Sabotage = {
      answered: ({ method, path }) =>
        method === 'POST' && path === '/v1/subscriptions' ? refused(422, 'url-forbidden') : undefined,
    }
    await sabotaged(forbids, async url => {
      const [unsaid] = await outcomes(url, ['signature'])
      expect(unsaid?.result).toBe('not tried')
      const receiver = 'http://127.0.0.1:0/'
      const [said] = await runSuites({ url, admin: ADMIN_KEY, receiver, suites: ['signature'] })
      expect(said).toMatchObject({ result: 'broken', why: 'a subscription was answered 422' })
    })
  })

  test('nothing is broken by the way alone', async () => {
    await sabotaged({}, async url => {
      const findings = await outcomes(url, ['contract', 'idempotency', 'authorisation'])
      expect(findings.filter(({ result }) => result !== 'holds')).toEqual([])
    })
  })
})
