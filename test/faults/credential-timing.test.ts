/** T17: how long a refusal takes says nothing of how near the credential was to a good one, nor whether its name is known. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSealing } from '../../src/lib/sealed.ts'
import { insertKey } from '../../src/manifest/products.ts'
import { hashSecret, newSecret, newShareToken, newSigningSecret } from '../../src/model/ids.ts'
import { signingKeyPlace } from '../../src/model/signing-key.ts'
import { type Claim, openLinkProver } from '../../src/policy/prove-link.ts'
import { readSigned, type Signed, signatureOf } from '../../src/policy/signature.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { expectJson, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { type Ask, slowerShare } from '../support/timing.ts'

/** How far from one half the share of slower ones may be: among equals 0.18 is six standard deviations. */
const OF_A_CHECK = 0.25
/** A row that is found and left out costs a request some microseconds, which no network lets through; some round trips more make it 0.4 and over. */
const OF_A_REQUEST = 0.35

const expectEqual = async (first: Ask, second: Ask, within: number): Promise<void> =>
  expect(Math.abs((await slowerShare(first, second)) - 0.5)).toBeLessThan(within)

const swap = (text: string, at: number): string =>
  text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
const PATH = '/i/shop-web/01936f3e-8c1a-7c4e-9b0d-3f1f5a0b6c11/v7/card.avif'

describe('the check of a signature', () => {
  const secret = newSigningSecret()
  const sealing = openSealing([])
  const named = { kid: 'shop-web-0123456789', tenant: 'demo', product: 'shop-web' }
  const key = { ...named, kept: sealing.seal(secret, signingKeyPlace(named)).toString('hex') }
  const now = Date.now()
  const good = readSigned(signUrl({ path: PATH, kid: named.kid, secret, now })) as Signed
  const prove = openLinkProver({ sealing, maxSeconds: 604_800 })
  /** Many, for one takes some microseconds. */
  const refusals = (claim: Partial<Claim>, check = prove): Ask => {
    const whole: Claim = { signed: good, key, product: 'shop-web', now, ...claim }
    return async () => {
      for (let i = 0; i < 30; i++) {
        try {
          check(whole)
        } catch {
          continue
        }
        throw new Error('Expected a refusal')
      }
    }
  }
  const withSig = (sig: string): Partial<Claim> => ({ signed: { ...good, sig } })
  const wrong = withSig(swap(good.sig, 20))

  test.each<[string, Partial<Claim>]>([
    ['wrong in the first letter', withSig(swap(good.sig, 0))],
    ['wrong in the last letter', withSig(swap(good.sig, 42))],
    ['by an unknown key', { key: undefined }],
    ['for another product', { product: 'mobile' }],
    ['that is over', { now: now + 86_400_000 }],
  ])('takes as long for one %s', { retry: 2 }, async (_what, claim) => {
    await expectEqual(refusals(claim), refusals(wrong), OF_A_CHECK)
  })

  test('and a check that saves its work for known keys would be seen', async () => {
    const lazy: typeof prove = claim => {
      if (claim.key === undefined || claim.signed.sig !== signatureOf(secret, claim.signed)) throw new Error()
      return prove(claim)
    }
    expect(await slowerShare(refusals(wrong, lazy), refusals({ key: undefined }, lazy))).toBeGreaterThan(0.75)
  })
})

describe('a request', () => {
  interface Key {
    readonly kid: string
    readonly secret: string
  }
  let system: System
  let asset: string
  let live: Key
  let revoked: Key
  const keys = { unknown: newSecret(), revoked: newSecret(), expired: newSecret() }
  const shares = { revoked: '', ofAnother: '', unknown: newShareToken() }

  beforeAll(async () => {
    system = await startSystem()
    asset = (await system.upload(await photo({ width: 500, height: 300 }))).asset
    const other = (await system.upload(await photo({ width: 400, height: 300 }))).asset
    await settled(system)
    const admin = (method: string, path: string, body?: object) =>
      system.call(method, path, { key: ADMIN_KEY, ...(body && { body }), headers: { 'If-Match': '*' } })
    const make = () => expectJson<Key>(admin('POST', '/v1/products/shop-web/signing-keys', {}), 201)
    live = await make()
    revoked = await make()
    expect((await admin('DELETE', `/v1/signing-keys/${revoked.kid}`)).status).toBe(204)
    for (const what of ['revoked', 'expired'] as const) {
      await insertKey(system.core.database, {
        keyId: `key_${what}`,
        tenantId: 'demo',
        productId: 'shop-web',
        secretHash: hashSecret(keys[what]),
        label: '',
        scopes: ['resolve'],
        expiresAt: what === 'expired' ? new Date(0) : null,
      })
    }
    expect((await admin('DELETE', '/v1/keys/key_revoked')).status).toBe(204)
    const share = (id: string) =>
      expectJson<{ id: string; token: string }>(admin('POST', `/v1/assets/${id}/shares`, {}), 201)
    const gone = await share(asset)
    expect((await admin('DELETE', `/v1/shares/${gone.id}`)).status).toBe(204)
    shares.revoked = gone.token
    shares.ofAnother = (await share(other)).token
  })
  afterAll(() => system.close())

  const path = () => `/i/shop-web/${asset}/v1/card.jpg`
  const ask =
    (target: string, status: number, key?: string): Ask =>
    async () => {
      const response = await system.call('GET', target, { key })
      expect(response.status).toBe(status)
      await response.arrayBuffer()
    }
  const sign = (key: Key): string => signUrl({ path: path(), ...key })
  const wrong = (at: number): string => {
    const url = sign(live)
    return swap(url, url.indexOf('sig=') + 4 + at)
  }

  test.each<[string, () => string]>([
    ['wrong in the first letter', () => wrong(0)],
    ['wrong in the last letter', () => wrong(42)],
    ['by an unknown key', () => sign({ ...live, kid: 'shop-web-0000000000' })],
    ['by a revoked key', () => sign(revoked)],
    ['that is over', () => signUrl({ path: path(), ...live, now: Date.now() - 86_400_000 })],
  ])('with a signature %s', { retry: 2 }, async (_what, target) => {
    await expectEqual(ask(target(), 403), ask(wrong(20), 403), OF_A_REQUEST)
  })

  test.each(['revoked', 'expired'] as const)('with a key that is %s', { retry: 2 }, async what => {
    await expectEqual(ask(path(), 401, keys[what]), ask(path(), 401, keys.unknown), OF_A_REQUEST)
    await expectEqual(
      ask('/v1/capabilities', 401, keys[what]),
      ask('/v1/capabilities', 401, keys.unknown),
      OF_A_REQUEST,
    )
  })

  test.each(['revoked', 'ofAnother'] as const)('with the token of a share link: %s', { retry: 2 }, async what => {
    const target = (token: string) => `/share/${token}${path()}`
    await expectEqual(ask(target(shares[what]), 404), ask(target(shares.unknown), 404), OF_A_REQUEST)
  })
})
