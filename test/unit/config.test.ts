import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig, VARIABLES } from '../../src/config.ts'
import { newSecret } from '../../src/model/ids.ts'

const MACHINE = { cores: 2, terminal: false }
const read = (environment: Record<string, string> = {}, machine = MACHINE) => readConfig(environment, machine)
const refusal = (environment: Record<string, string>): string => {
  try {
    read(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error(`Expected a refusal of ${Object.keys(environment)}`)
}

test('nothing has to be set, and the result does not change', () => {
  const config = read()
  expect(config).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
    tenant: 'demo',
    workers: 2,
    logLevel: 'info',
    publicUrl: undefined,
  })
  expect(Object.isFrozen(config)).toBe(true)
  expect(Object.keys(config).sort()).toEqual(Object.keys(VARIABLES).sort())
})

test('an empty variable is one that is not set', () => {
  expect(read(Object.fromEntries(Object.values(VARIABLES).map(({ env }) => [env, ''])))).toEqual(read())
})

test('variables are declared once each, with a sentence', () => {
  const names = Object.values(VARIABLES).map(({ env }) => env)
  expect(new Set(names).size).toBe(names.length)
  for (const { env, doc } of Object.values(VARIABLES)) {
    expect(env).toMatch(/^[A-Z][A-Z0-9_]*$/)
    expect(doc).toMatch(/^[A-Z].*\.$/)
  }
})

test('every problem is told at once, by name and rule, and never with the value', () => {
  const wrong = {
    PORT: 'sesame-1',
    DATABASE_URL: 'mysql://root:sesame-2@db/x',
    REDIS_URL: 'sesame-3',
    ASSET_MATRIX_ADMIN_KEY: 'sesame 4',
    ASSET_MATRIX_TENANT: 'Sesame-5',
    ROLE: 'sesame-6',
    ASSET_MATRIX_DEMO: 'sesame-7',
    WORKERS: 'sesame-8',
    PUBLIC_URL: 'sesame-9',
    LOG_LEVEL: 'sesame-10',
    MAX_UPLOAD_BYTES: '-1',
  }
  const message = refusal(wrong)
  for (const name of Object.keys(wrong)) expect(message).toMatch(new RegExp(`^  ${name}: expected `, 'm'))
  expect(message).not.toMatch(/sesame/i)
  expect(message.split('\n')).toHaveLength(1 + Object.keys(wrong).length)
})

describe('a variable', () => {
  test.each([
    ['PORT', ['0', '8080', '65535'], ['-1', '65536', '80.5', ' ', '0x50', '1e3', 'NaN', 'Infinity', '80 ', '٣']],
    ['PRESIGN_SECONDS', ['60', '3600'], ['59', '3601']],
    ['MAX_UPLOAD_BYTES', ['1', '5368709120'], ['0', '5368709121']],
    ['WORKERS', ['1', '256', 'cores'], ['0', '257', 'Cores', 'all']],
    ['ASSET_MATRIX_DEMO', ['1', '0', 'true', 'FALSE', 'yes', 'off'], ['2', 'maybe', ' ']],
    ['ROLE', ['all', 'gateway', 'worker'], ['Gateway', 'both']],
    ['LOG_LEVEL', ['auto', 'silent', 'fatal'], ['trace', 'INFO']],
    ['ASSET_MATRIX_TENANT', ['demo', 'a', '0-a'], ['Demo', '-a', 'a_b', 'a/b', '..', 'x'.repeat(41)]],
    [
      'ASSET_MATRIX_ADMIN_KEY',
      ['a', 'x'.repeat(512), newSecret()],
      ['a b', 'ä', 'x'.repeat(513), 'mtx_live_short', 'eyJhIjoxfQ.e30.c2ln'],
    ],
    [
      'PUBLIC_URL',
      ['https://assets.example', 'http://a:1/base/'],
      ['ftp://a', '//a', 'https://a?b=1', 'https://a#b', 'a.example'],
    ],
    [
      'TRUSTED_PROXIES',
      ['10.0.0.0/8', '10.0.0.1, 2001:db8::/32,', '::ffff:10.0.0.0/104'],
      ['10.0.0.0/33', 'proxy.example', '10.0.0.0/8;::1', '*'],
    ],
    ['RATE_RESOLVE', ['0', '1/1s', '6000/60s'], ['100', '100/s', '100/0s', '0/1s', '-1/1s', '1.5/2s', '10/2m']],
    ['RATE_LIMITS', ['auto', 'enforce', 'observe'], ['off', '1']],
    ['DATABASE_URL', ['postgres://a/b', 'postgresql://a/b'], ['http://a', 'a']],
    ['REDIS_URL', ['redis://a', 'rediss://a:6379/1'], ['http://a']],
    ['S3_ENDPOINT', ['http://a:9000', 'https://s3.example'], ['s3://a', 'a:9000']],
  ])('%s', (name, good, bad) => {
    for (const value of good) expect(() => read({ [name]: value }), value).not.toThrow()
    for (const value of bad) expect(() => read({ [name]: value }), value).toThrow(ConfigError)
  })

  test('PUBLIC_URL is a base that paths are put behind', () => {
    expect(read({ PUBLIC_URL: 'https://assets.example/base//' }).publicUrl).toBe('https://assets.example/base')
  })

  test('WORKERS are as many as the machine has, within bounds', () => {
    expect(read({ WORKERS: 'cores' }, { cores: 7, terminal: false }).workers).toBe(7)
    expect(read({}, { cores: 1000, terminal: false }).workers).toBe(256)
    expect(read({}, { cores: 0, terminal: false }).workers).toBe(1)
  })

  test('RATE_… are requests in seconds, and 0 is none', () => {
    expect(read({ RATE_COLD: '7/3s' }).rateCold).toEqual({ requests: 7, seconds: 3 })
    expect(read({ RATE_COLD: '0' }).rateCold).toBeUndefined()
    expect(read().rateResolve).toEqual({ requests: 6000, seconds: 60 })
  })

  test('LOG_LEVEL goes by who looks on', () => {
    expect(read({}, { cores: 2, terminal: true }).logLevel).toBe('warn')
    expect(read({ LOG_LEVEL: 'debug' }, { cores: 2, terminal: true }).logLevel).toBe('debug')
  })
})
