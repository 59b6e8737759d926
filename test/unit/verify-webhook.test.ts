/** What `verifyWebhook` believes, judged by the library of the standard, and by what the gateway signs. */
import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { signedHeaders } from '../../src/events/sign.ts'
import { verifyWebhook, type WebhookRefused } from '../../src/sdk/index.ts'

const secretOf = (): string => `whsec_${randomBytes(32).toString('base64')}`
const secret = secretOf()
const body = JSON.stringify({ id: 'e1', type: 'io.matrix.asset.published.v1', data: { title: 'Grüße, 世界' } })
const now = Date.UTC(2026, 10, 21, 3)
const at = { now }
const headers = (secrets: readonly string[] = [secret], of = { id: 'e1', body, now }) => signedHeaders(secrets, of)
const flaw = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => expect.unreachable('it was believed'),
    (error: WebhookRefused) => error.flaw,
  )

describe('is believed', () => {
  test('what the gateway signs, and what the library signs', async () => {
    expect(await verifyWebhook(body, headers(), secret, at)).toEqual(JSON.parse(body))
    const date = new Date()
    const theirs = {
      'webhook-id': 'e2',
      'webhook-timestamp': String(Math.floor(date.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign('e2', date, body),
    }
    expect(await verifyWebhook(body, theirs, secret)).toEqual(JSON.parse(body))
    expect(new Webhook(secret).verify(body, theirs)).toEqual(JSON.parse(body))
  })

  test('as text and as bytes; with headers of node, of fetch and in any case', async () => {
    const bytes = new TextEncoder().encode(body)
    const upper = Object.fromEntries(Object.entries(headers()).map(([name, value]) => [name.toUpperCase(), value]))
    for (const bag of [headers(), new Headers(headers()), upper])
      expect(await verifyWebhook(bytes, bag, [secret], at)).toEqual(JSON.parse(body))
  })

  test('by either secret of a rotation, on either side', async () => {
    const former = secretOf()
    expect(await verifyWebhook(body, headers([former, secret]), secret, at)).toBeTruthy()
    expect(await verifyWebhook(body, headers([former]), [secret, former], at)).toBeTruthy()
  })
})

describe('is not believed', () => {
  test.each<[string, string, Partial<Record<string, string>>, string]>([
    ['another body', `${body} `, {}, 'no-signature-fits'],
    ['another id', body, { 'webhook-id': 'e2' }, 'no-signature-fits'],
    ['another time', body, { 'webhook-timestamp': String(now / 1000 + 1) }, 'no-signature-fits'],
    ['a signature of another scheme', body, { 'webhook-signature': 'v1a,AAAA' }, 'no-signature-fits'],
    ['a signature that is no base64', body, { 'webhook-signature': 'v1,%%%' }, 'no-signature-fits'],
    ['no signature', body, { 'webhook-signature': '' }, 'header-missing'],
    ['no id', body, { 'webhook-id': '' }, 'header-missing'],
    ['a time that is none', body, { 'webhook-timestamp': '1e9' }, 'timestamp-invalid'],
  ])('%s', async (_, text, other, expected) => {
    expect(await flaw(verifyWebhook(text, { ...headers(), ...other }, secret, at))).toBe(expected)
  })

  test('one of another subscription, and one among too many signatures', async () => {
    expect(await flaw(verifyWebhook(body, headers([secretOf()]), secret, at))).toBe('no-signature-fits')
    const many = Array.from({ length: 10 }, () => `v1,${randomBytes(32).toString('base64')}`).join(' ')
    const flooded = { ...headers(), 'webhook-signature': `${many} ${headers()['webhook-signature']}` }
    expect(await flaw(verifyWebhook(body, flooded, secret, at))).toBe('no-signature-fits')
  })

  test('one that is older or newer than the tolerance, to the second, as the library has it', async () => {
    const around = (seconds: number) => verifyWebhook(body, headers(), secret, { now: now + seconds * 1000 })
    expect(await around(300)).toBeTruthy()
    expect(await around(-300)).toBeTruthy()
    expect(await flaw(around(301))).toBe('too-old')
    expect(await flaw(around(-301))).toBe('too-new')
    const tight = verifyWebhook(body, headers(), secret, { now: now + 11_000, toleranceSeconds: 10 })
    expect(await flaw(tight)).toBe('too-old')
  })

  test('nothing at all without a secret', async () => {
    await expect(verifyWebhook(body, headers(), '', at)).rejects.toThrow(TypeError)
    expect(await flaw(verifyWebhook(body, headers(), [], at))).toBe('no-signature-fits')
  })
})
