import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { SignatureScheme } from '../../src/model/source-system.ts'
import { isSignedBy, secretFault } from '../../src/policy/source-signature.ts'

const body = Buffer.from('{"test": 2432232314}')
const proves = (
  scheme: SignatureScheme,
  secret: string,
  headers: Readonly<Record<string, string>>,
  { now = 0, header, sent = body }: { now?: number; header?: string; sent?: Buffer } = {},
): boolean => isSignedBy({ scheme, header }, secret, { header: name => headers[name], body: sent, now })

describe('Standard Webhooks', () => {
  // The example of the specification's reference libraries.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const at = 1_614_265_330
  const good = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': String(at),
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  }
  const proof = (changes: object = {}, options: { now?: number; sent?: Buffer } = {}) =>
    proves('standard-webhooks', secret, { ...good, ...changes }, { now: at * 1000, ...options })

  test('believes its own example, and one good signature of several', () => {
    expect(proof()).toBe(true)
    expect(proof({ 'webhook-signature': `v1,AAAA v1a,xyz ${good['webhook-signature']}` })).toBe(true)
  })

  test('believes nothing that was changed, is missing, or is old', () => {
    expect(proof({}, { sent: Buffer.from('{"test": 2432232315}') })).toBe(false)
    for (const name of Object.keys(good)) {
      expect(proof({ [name]: undefined })).toBe(false)
      expect(proof({ [name]: '' })).toBe(false)
    }
    expect(proof({ 'webhook-id': 'msg_other' })).toBe(false)
    expect(proof({ 'webhook-timestamp': '1e9' })).toBe(false)
    expect(proof({}, { now: (at + 299) * 1000 })).toBe(true)
    expect(proof({}, { now: (at + 301) * 1000 })).toBe(false)
    expect(proof({}, { now: (at - 301) * 1000 })).toBe(false)
  })
})

describe('HMAC over the body', () => {
  const secret = 'a secret that is long enough'.replaceAll(' ', '-')
  const mac = createHmac('sha256', secret).update(body).digest()

  test('is believed in hexadecimal and base64, with its name or without, in the header that was agreed on', () => {
    for (const text of [mac.toString('hex'), `sha256=${mac.toString('hex')}`, mac.toString('base64')])
      expect(proves('hmac-sha256', secret, { 'x-hub-signature-256': text })).toBe(true)
    expect(proves('hmac-sha256', secret, { 'x-mine': mac.toString('hex') }, { header: 'x-mine' })).toBe(true)
  })

  test('is not believed of other bytes, cut, or elsewhere', () => {
    const hex = mac.toString('hex')
    expect(proves('hmac-sha256', secret, { 'x-hub-signature-256': hex }, { sent: Buffer.from('x') })).toBe(false)
    for (const text of [hex.slice(0, -2), `${hex}00`, '', 'sha256=', 'sha1=abc'])
      expect(proves('hmac-sha256', secret, { 'x-hub-signature-256': text })).toBe(false)
    expect(proves('hmac-sha256', secret, { 'x-mine': hex })).toBe(false)
    expect(proves('hmac-sha256', secret, {})).toBe(false)
  })
})

test('a bearer is the secret, and nothing like it', () => {
  const secret = 'sixteen-characters'
  expect(proves('bearer', secret, { authorization: `Bearer ${secret}` })).toBe(true)
  for (const authorization of [`Bearer ${secret}x`, `Bearer ${secret.slice(1)}`, secret, 'Bearer ', ''])
    expect(proves('bearer', secret, { authorization })).toBe(false)
  expect(proves('bearer', secret, {})).toBe(false)
})

test('what is short can be guessed', () => {
  expect(secretFault('bearer', 'fifteen-letters')).toBeDefined()
  expect(secretFault('bearer', 'sixteen-letters-')).toBeUndefined()
  expect(secretFault('hmac-sha256', 'with space in it')).toBeDefined()
  expect(secretFault('standard-webhooks', `whsec_${Buffer.alloc(23).toString('base64')}`)).toBeDefined()
  expect(secretFault('standard-webhooks', `whsec_${Buffer.alloc(24).toString('base64')}`)).toBeUndefined()
  expect(secretFault('standard-webhooks', Buffer.alloc(24).toString('base64'))).toBeDefined()
})
