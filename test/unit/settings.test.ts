/** A configuration file beside the environment: every variable has its key, and what products call things is honoured or refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defineConfig } from '../../src/config/define.ts'
import { INTEGRATION_KEYS } from '../../src/config/integration-keys.ts'
import { keyOf, VARIABLE_OF } from '../../src/config/keys.ts'
import { readSettings } from '../../src/config/settings.ts'
import { loadSettings } from '../../src/config/settings-file.ts'
import { ConfigError, readConfig, VARIABLES } from '../../src/config.ts'

const MACHINE = { cores: 2, terminal: false }
const read = (file: unknown, environment: Record<string, string> = {}) =>
  readConfig(environment, MACHINE, readSettings(file, 'matrix.config.json'))
const refusal = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('Expected a refusal')
}
/** `a.b.c` and a value, as a file has it. */
const nested = (key: string, value: unknown): object =>
  key.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object

test('every variable has a key of its own, that is no section of others and no key of an integration', () => {
  const keys = [...VARIABLE_OF.keys()]
  expect(keys).toHaveLength(Object.keys(VARIABLES).length)
  const all = [...keys, ...INTEGRATION_KEYS.map(({ key }) => key)]
  expect(new Set(all).size).toBe(all.length)
  expect(all.filter(key => all.some(other => other.startsWith(`${key}.`)))).toEqual([])
  expect(keyOf({ env: 'ASSET_MATRIX_ADMIN_KEY' })).toBe('admin.key')
  expect(keyOf({ env: 'WEBHOOK_TIMEOUT_MS' })).toBe('webhook.timeoutMs')
})

test('every default can be said by its key, and comes to what it is anyhow', () => {
  for (const [key, { fallback }] of VARIABLE_OF) {
    if (fallback !== undefined && fallback !== '') expect(read(nested(key, fallback)), key).toEqual(read({}))
  }
})

test('a file that compiles is read, and what does not compile is refused', () => {
  const typed = defineConfig({
    port: 9090,
    workers: 'cores',
    demo: false,
    webhook: { ports: [443, 8443] },
    observability: { logLevel: 'info' },
    resilience: { retry: { backoff: 'exponential' } },
  })
  expect(readSettings(typed, 'matrix.config.ts').problems).toEqual([])
  const wrong = [
    // @ts-expect-error there is no such key
    defineConfig({ webhook: { timeout: 5 } }),
    // @ts-expect-error no broker is spoken to
    defineConfig({ router: { brokers: ['kafka:9092'] } }),
    // @ts-expect-error another transport
    defineConfig({ router: { transport: 'kafka' } }),
    // @ts-expect-error another role
    defineConfig({ role: 'gateways' }),
  ]
  for (const one of wrong) expect(refusal(() => read(one))).not.toBe('')
})

test('numbers, flags and lists are what they are in the environment', () => {
  const file = {
    port: 9090,
    demo: false,
    webhook: { ports: [443, 8443], timeoutMs: 500 },
    fetch: { allow: ['10.0.0.0/8'] },
  }
  expect(read(file)).toEqual(
    readConfig(
      {
        PORT: '9090',
        ASSET_MATRIX_DEMO: '0',
        WEBHOOK_PORTS: '443,8443',
        WEBHOOK_TIMEOUT_MS: '500',
        FETCH_ALLOW: '10.0.0.0/8',
      },
      MACHINE,
    ),
  )
})

test('the environment wins, unless it says nothing', () => {
  expect(read({ port: 9090 }, { PORT: '7070' }).port).toBe(7070)
  expect(read({ port: 9090 }, { PORT: '' }).port).toBe(9090)
})

test('all that is wrong is told at once, by the key and never with the value', () => {
  const message = refusal(() =>
    read(
      {
        port: 'sesame-1',
        redis: { url: 'sesame-2' },
        webhook: { timeout: 1 },
        colour: 'sesame-3',
        host: () => 'sesame-4',
      },
      { DATABASE_URL: 'sesame-5' },
    ),
  )
  for (const line of [
    /^ {2}port: expected a whole number/m,
    /^ {2}redis\.url: expected a URL/m,
    /^ {2}webhook\.timeout: there is no such key$/m,
    /^ {2}colour: there is no such key$/m,
    /^ {2}host: expected a text/m,
    /^ {2}DATABASE_URL: expected a URL/m,
  ])
    expect(message).toMatch(line)
  expect(message).not.toContain('sesame')
})

test('a key in the wrong section is told where it belongs', () => {
  expect(refusal(() => read({ webhooks: { timeoutMs: 500 } }))).toMatch(
    /webhooks\.timeoutMs: there is no such key; there is \w+\.timeoutMs/,
  )
})

test.each([['a text'], [[1, 2]], [null], [undefined]])('a file that is %j is none', given => {
  expect(refusal(() => read(given))).toContain('expected an object')
})

const TEMPLATE = {
  router: { transport: 'redis-streams', url: 'redis://events:6379', topicPrefix: 'matrix' },
  contracts: { version: 'v1', validation: 'strict', registry: 'builtin' },
  authz: { policyEngine: 'cedar', policyPath: './policies', cacheTTL: 0 },
  observability: { tracing: 'otel', metrics: 'prometheus', logLevel: 'info' },
  resilience: {
    circuitBreaker: { enabled: true, threshold: 7, resetTimeout: 20_000 },
    retry: { maxAttempts: 3, backoff: 'exponential' },
  },
}

describe('keys of an integration', () => {
  test('a whole description is honoured', () => {
    const row = { threshold: 7, windowMs: 10_000, openMs: 20_000, halfOpenMax: 3 }
    expect(read(TEMPLATE)).toMatchObject({
      redisUrl: 'redis://events:6379',
      policyCedar: './policies',
      tracing: 'otel',
      logLevel: 'info',
      breakerJwks: row,
      breakerOpa: row,
      breakerScan: row,
      breakerStorage: read({}).breakerStorage,
    })
  })

  const REFUSED: readonly [key: string, value: unknown, why: RegExp][] = [
    ['router.transport', 'kafka', /Redis Streams .*webhooks and in GET \/v1\/events/],
    ['router.transport', 'rabbitmq', /Redis Streams/],
    ['router.url', 'kafka://broker', /expected a URL that begins with redis:/],
    ['router.brokers', ['b1:9092'], /no broker is spoken to/],
    ['router.topicPrefix', 'shop', /a Redis database of its own/],
    ['router.consumerGroup', 'shop', /createConsumer/],
    ['contracts.version', 'v2', /there is v1/],
    ['contracts.validation', 'off', /always checked/],
    ['contracts.registry', 'http://registry', /GET \/v1\/contracts/],
    ['authz.policyEngine', 'casbin', /'builtin', 'cedar' or 'opa-http'/],
    ['authz.policyPath', './policies', /needs authz\.policyEngine/],
    ['authz.cacheTTL', 300, /what is revoked ends at once/],
    ['observability.tracing', 'zipkin', /OTLP/],
    ['observability.metrics', 'statsd', /prometheus/],
    ['observability.logLevel', 'loud', /expected one of/],
    ['resilience.circuitBreaker.enabled', false, /high threshold/],
    ['resilience.circuitBreaker.threshold', 0, /expected failures/],
    ['resilience.circuitBreaker.resetTimeout', -1, /expected failures/],
    ['resilience.retry.maxAttempts', 10, /class of the failure/],
    ['resilience.retry.backoff', 'linear', /full jitter/],
  ]
  test.each(REFUSED)('%s: %j is refused, with what there is instead', (key, value, why) => {
    const message = refusal(() => read(nested(key, value)))
    expect(message).toMatch(why)
    expect(message).toContain(key)
  })

  test('each of them is tried', () => {
    expect([...new Set(REFUSED.map(([key]) => key))].sort()).toEqual(INTEGRATION_KEYS.map(({ key }) => key).sort())
  })

  test('an engine and where its policies are belong together', () => {
    expect(
      read({ authz: { policyEngine: 'opa-http', policyPath: 'http://opa:8181/v1/data/matrix' } }).policyOpaUrl,
    ).toBe('http://opa:8181/v1/data/matrix')
    expect(refusal(() => read({ authz: { policyEngine: 'cedar' } }))).toContain("'cedar' needs authz.policyPath")
    expect(refusal(() => read({ authz: { policyEngine: 'builtin', policyPath: 'x' } }))).toContain('has no policyPath')
    expect(read({ authz: { policyEngine: 'builtin' } })).toEqual(read({}))
  })

  test('two keys that say otherwise are told', () => {
    const both = { router: { url: 'redis://one' }, redis: { url: 'redis://two' } }
    expect(refusal(() => read(both))).toMatch(/redis\.url: router\.url says otherwise/)
  })
})

describe('in a folder', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'matrix-settings-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const inFile = async (name: string, text: string, environment: Record<string, string> = {}) => {
    const path = join(folder, name)
    await writeFile(path, text)
    try {
      return readConfig(environment, MACHINE, await loadSettings(folder, environment))
    } finally {
      await rm(path)
    }
  }
  const failure = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => Promise.reject(new Error('Expected a refusal')),
      error => (error instanceof ConfigError ? error.message : Promise.reject(error)),
    )

  test.each([
    ['matrix.config.ts', 'const port: number = 9090\nexport default { port } satisfies object\n'],
    ['matrix.config.mjs', 'export default { port: 9090 }\n'],
    ['matrix.config.json', '{ "port": 9090 }'],
  ])('%s is read', async (name, text) => {
    expect((await inFile(name, text)).port).toBe(9090)
    expect((await inFile(name, text, { PORT: '7070' })).port).toBe(7070)
  })

  test('none is none', async () => {
    expect(await loadSettings(folder, {})).toBeUndefined()
  })

  test('one elsewhere has to be there, and two are one too many', async () => {
    expect(await failure(loadSettings(folder, { ASSET_MATRIX_CONFIG: 'other.json' }))).toContain(
      'there is no file other.json',
    )
    await writeFile(join(folder, 'matrix.config.json'), '{}')
    expect(await failure(inFile('matrix.config.mjs', 'export default {}'))).toContain('keep one')
    await rm(join(folder, 'matrix.config.json'))
    expect((await inFile('elsewhere.json', '{ "port": 9191 }', { ASSET_MATRIX_CONFIG: 'elsewhere.json' })).port).toBe(
      9191,
    )
  })

  test('one that cannot be read says so, without what stands in it', async () => {
    const message = await failure(inFile('matrix.config.json', '{ "admin": { "key": sesame } }'))
    expect(message).toContain('matrix.config.json cannot be read: it is not well-formed')
    expect(message).not.toContain('sesame')
  })

  test('streams need a Redis, wherever it is named', async () => {
    const text = '{ "router": { "transport": "redis-streams" } }'
    expect(await failure(inFile('matrix.config.json', text))).toContain('needs router.url, redis.url or REDIS_URL')
    expect((await inFile('matrix.config.json', text, { REDIS_URL: 'redis://r' })).redisUrl).toBe('redis://r')
  })
})
