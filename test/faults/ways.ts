/**
 * A gateway with everything that it can depend on behind a trouble of its own, a second one that has none of them, and each way of using the
 * first, asked at once.
 */
import { openCore } from '../../src/gateway.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { expectJson } from '../support/http.ts'
import { startIssuer } from '../support/issuer.ts'
import { startOpa } from '../support/opa.ts'
import { type Behave, openReceiver, type Receiver, TAKES } from '../support/receiver.ts'
import { ADMIN_KEY, type CallOptions, requestOf, startSystem } from '../support/system.ts'
import type { Trouble } from '../support/trouble.ts'
import { until } from '../support/until.ts'
import { photo } from './photo.ts'
import { openTroubledEngines, openWhole } from './whole.ts'

/** JSON, for whoever hears of it reads that. */
const text = (): Uint8Array => new TextEncoder().encode(JSON.stringify(crypto.randomUUID()))
const said = ({ status }: Response, good: number): string =>
  status === good ? 'yes' : status === 503 || status === 504 ? '503' : `${status}`
/** `later`, where it is not so by then. */
const inTime = (what: string, check: () => Promise<boolean> | boolean): Promise<string> =>
  until(what, check, { withinMs: 3_000 }).then(
    () => 'yes',
    () => 'later',
  )
const CLEAN: Behave = response => void response.writeHead(200).end('{"clean":true}')

/** What receives calls, and takes them like `well` where it has no trouble. */
const troubling =
  ({ behave }: Receiver, well: Behave = TAKES) =>
  (trouble: Trouble) =>
    behave({ none: well, gone: (response: { destroy(): void }) => response.destroy(), hangs: () => undefined }[trouble])

export const openWays = async () => {
  const opa = await startOpa(() => true)
  const receiver = await openReceiver()
  const other = await openReceiver()
  const purged: { subject: string; created_at: string }[] = []
  const forgets: Behave = (response, { body }) => {
    purged.push(JSON.parse(body))
    response.writeHead(204).end()
  }
  const cache = await openReceiver(forgets)
  const scanner = await openReceiver(CLEAN)
  const env = {
    JWKS_LOOPBACK: '1',
    WEBHOOK_ALLOW: '127.0.0.1',
    WEBHOOK_TIMEOUT_MS: '1000',
    WORKERS: '1',
    MAX_WAIT_MS: '5000',
    SCAN_URL: scanner.url,
    SCAN_TIMEOUT_MS: '1000',
    BREAKER_SCAN: '5/10s/3s/1',
  }
  const system = await startSystem({ worker: false, env })
  const { engines, troubled, close: closeEngines } = await openTroubledEngines(system)
  const config = {
    ...system.config,
    policyOpaUrl: opa.url,
    purgeWebhookUrl: cache.url,
    purgeWebhookSecret: Buffer.alloc(32, 7),
  }
  const core = await openCore({ config, engines, name: 'degrade' })
  const whole = await openWhole(core)

  const ask = (path: string, { method = 'GET', ...options }: CallOptions & { method?: string } = {}) =>
    fetch(`${whole.address}${path}`, requestOf(method, options))
  const admin = async (method: string, path: string, body?: object): Promise<Record<string, string>> => {
    const response = await system.call(method, path, { key: ADMIN_KEY, ...(body && { body }) })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Record<string, string>
  }
  const key = system.keys['shop-web']

  const edge = { role: 'editor', delivery: 'stream', visibility: 'public', original_access: true }
  await admin('PUT', '/v1/collections/product-photo/grants/mobile', edge)
  await admin('PUT', '/v1/collections/scanned', { owner: 'shop-web', rules: { scan: true } })
  const signing = await admin('POST', '/v1/products/shop-web/signing-keys', {})
  const issuer = await startIssuer({ audience: 'degrade' })
  await issuer.addKey('known', 'ES256')
  const { iss, audience, jwksUri: jwks_uri } = issuer
  const subjects = [{ value: 'robot', product: 'shop-web' }]
  await admin('PUT', '/v1/issuers/idp', { iss, audience, jwks_uri, algorithms: ['ES256'], subjects })
  for (const { url } of [receiver, other]) {
    const body = { url, types: ['asset.published'] }
    await expectJson(system.call('POST', '/v1/subscriptions', { key, body }), 201)
  }
  let seed = 70_000
  const { asset } = await system.upload(await photo(++seed))
  const { asset: toggled } = await system.upload(text())
  await expectJson(system.call('POST', `/v1/assets/${toggled}/versions`, { key, body: text() }), 201)

  let version = 2
  /** Through the gateway that has no trouble: a fact that others have to hear of. */
  const publishElsewhere = async (): Promise<number> => {
    version = 3 - version
    const made = { key, body: { version }, headers: { 'If-Match': '*' } }
    const { publication } = await expectJson<{ publication: number }>(
      system.call('POST', `/v1/assets/${toggled}/publish`, made),
      200,
    )
    return publication
  }
  const isHeard = ({ heard }: Receiver, publication: number) =>
    heard.some(({ event }) => event.data.publication === publication && event.data.asset === toggled)
  const isPurged = (since: number) =>
    purged.some(({ subject, created_at }) => subject === `assets/${toggled}` && Date.parse(created_at) >= since)

  /** Of a picture that the other gateway has just taken in; the workers are those that have the trouble. */
  const derived = async (): Promise<string> => {
    const made = await system.upload(await photo(++seed), 'collection=product-photo&publish=now')
    const path = `/i/shop-web/${made.asset}/v1/card.jpg`
    const answer = await ask(path, { key })
    if (answer.status !== 202) return said(answer, 302)
    return inTime('it is derived', async () => (await ask(path, { key })).status === 302)
  }
  const scanned = async (): Promise<string> => {
    const made = await system.upload(text(), 'collection=scanned')
    const path = `/v1/assets/${made.asset}/versions/1`
    return inTime('it is let go', async () => {
      const { state } = await expectJson<{ state: string }>(system.call('GET', path, { key }), 200)
      return state === 'READY' || state === 'ACTIVE'
    })
  }
  /** From the stream, which is opened for it, and from a page. */
  const told = async (after: number, publication: number): Promise<string> => {
    const page = async () => {
      const answer = await ask(`/v1/events?after=${after}&limit=1`, { key })
      const isThere = answer.status !== 200 || ((await answer.json()) as { next_after: number }).next_after > after
      return isThere ? answer : undefined
    }
    const found = await until('it has its number', page, { withinMs: 3_000 }).catch(() => undefined)
    if (found?.status !== 200) return found ? said(found, 200) : 'later'
    const stream = await ask(`/v1/events/stream?after=${after}&seconds=5`, { key })
    if (stream.status !== 200 || stream.body === null) return said(stream, 200)
    let all = ''
    for await (const chunk of stream.body) {
      all += Buffer.from(chunk).toString()
      if (all.includes(`"publication":${publication},`) && all.includes(toggled)) return 'yes'
    }
    return 'later'
  }

  /** How each way stands, asked at the same time. */
  const stands = async (): Promise<[string, string][]> => {
    const { head } = await expectJson<{ head: number }>(system.call('GET', '/v1/events?limit=1', { key }), 200)
    const since = Date.now()
    const publication = await publishElsewhere()
    const signed = signUrl({
      path: `/i/shop-web/${asset}/v1/card.jpg`,
      kid: signing.kid as string,
      secret: signing.secret as string,
      now: Date.now(),
      lifetimeSeconds: 3_600,
    })
    const card = `/v1/products/shop-web/assets/${asset}/renditions/card`
    const checks: Record<string, () => Promise<string>> = {
      'a version, signed or public': async () => {
        const [one, two] = [await ask(signed), await ask(`/i/mobile/${asset}/v1/tile.jpg`)]
        return said(one, 302) === 'yes' ? said(two, 200) : said(one, 302)
      },
      'resolve, by key': async () => said(await ask(card, { key }), 302),
      'resolve, by token': async () => said(await ask(card, { key: await issuer.sign() }), 302),
      'what is not derived yet': derived,
      'bytes through the gateway': async () => {
        const answer = await ask(`/i/mobile/${asset}/v1/original`, { key: system.keys.mobile })
        await answer.arrayBuffer()
        return said(answer, 200)
      },
      upload: async () => {
        const made = { method: 'POST', key, body: new Uint8Array(text()) }
        return said(await ask('/v1/assets?collection=product-photo', made), 201)
      },
      'what has to be scanned': scanned,
      publish: async () => {
        const made = { method: 'POST', key, body: { version: 1 }, headers: { 'If-Match': '*' } }
        return said(await ask(`/v1/assets/${asset}/publish`, made), 200)
      },
      'caches in front hear of it': () => inTime('it is purged', () => isPurged(since)),
      'events, pages and stream': () => told(head, publication),
      webhooks: async () => {
        const others = await inTime('the other hears it', () => isHeard(other, publication))
        if (others !== 'yes') return others
        return (await inTime('it hears it', () => isHeard(receiver, publication))) === 'yes' ? 'yes' : 'to others'
      },
    }
    return Promise.all(
      Object.entries(checks).map(async ([way, check]): Promise<[string, string]> => [way, await check()]),
    )
  }

  const troubles: Record<string, (trouble: Trouble) => void> = {
    ...(troubled.queue && { Redis: trouble => troubled.queue?.become(trouble) }),
    'the object store': trouble => troubled.store.become(trouble),
    Postgres: trouble => troubled.postgres.become(trouble),
    'a receiver of webhooks': troubling(receiver),
    'an issuer': trouble => {
      if (trouble === 'none') issuer.answers()
      else if (trouble === 'gone') issuer.goAway()
      else issuer.answers(() => undefined)
    },
    'Open Policy Agent': trouble => {
      if (trouble === 'none') opa.decide(() => true)
      else opa.misbehave(response => (trouble === 'gone' ? response.destroy() : undefined))
    },
    'a scanner': troubling(scanner, CLEAN),
    'a cache in front': troubling(cache, forgets),
  }

  return {
    stands,
    troubles,
    async close() {
      await whole.close()
      await closeEngines()
      await Promise.all([receiver, other, cache, scanner, issuer, opa].map(each => each.close()))
      await system.close()
    },
  }
}

export type Ways = Awaited<ReturnType<typeof openWays>>
