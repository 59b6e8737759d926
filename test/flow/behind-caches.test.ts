/** The reference configurations of docs/cdn, in real caches before a real gateway. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openVarnish } from '../../src/deliver/purge-varnish.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { deliverPurges } from '../../src/reconcile/purge.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { query } from '../faults/intact.ts'
import { ACCEPTS } from '../support/accepts.ts'
import {
  askerOf,
  type Behind,
  type By,
  derived,
  isDecided,
  isKept,
  type ProductName,
  SHOP,
  saidOf,
  startBehind,
  WAYS,
} from '../support/behind.ts'
import { type Cache, openDoor } from '../support/cache.ts'
import { expectJson } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { findNginx, startReferenceNginx } from '../support/nginx.ts'
import { until } from '../support/until.ts'
import { findVarnish, startReferenceVarnish } from '../support/varnish.ts'

const [nginx, varnish] = await Promise.all([findNginx(), findVarnish()])
const CACHES = [
  { name: 'nginx', program: nginx, start: startReferenceNginx },
  { name: 'Varnish', program: varnish, start: startReferenceVarnish },
] as const
type Headers = Readonly<Record<string, string>>
describe.each(CACHES)('behind $name', ({ name, program, start }) => {
  const missing = 'missing' in program ? program.missing : undefined
  describe.skipIf(missing)(missing ? `(skipped: ${missing})` : 'as docs/cdn has it', () => {
    let behind: Behind
    let cache: Cache
    let base: string

    beforeAll(async () => {
      if ('missing' in program) return
      // Nobody listens there: the gateway has caches that it tells of purges.
      const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
      behind = await startBehind({ PURGE_WEBHOOK_URL: 'http://127.0.0.1:9/', PURGE_WEBHOOK_SECRET: secret })
      cache = await start(program, { origin: behind.address, ...behind.secrets })
      base = `${behind.asset}/v1`
    })
    afterAll(async () => {
      await cache?.remove()
      await behind?.close()
    })

    const asker = (product: ProductName, file: string, by: By) => askerOf(behind, cache, { product, file, by })

    test.each(WAYS)('$product ($visibility, $delivery) by $by', async way => {
      const ask = asker(way.product, `${base}/small.webp`, way.by)
      const first = await ask()
      expect(first, JSON.stringify(first.headers)).toMatchObject({
        status: 200,
        headers: { 'content-type': 'image/webp' },
      })
      const before = await behind.asked()
      const again = await Promise.all(Array.from({ length: 20 }, () => ask()))
      for (const each of again) {
        expect(each).toMatchObject({ status: 200, body: first.body })
        expect(saidOf(each)).toEqual(saidOf(first))
        for (const [name, value] of Object.entries(each.headers)) expect(value, name).not.toBe('')
        expect(each.headers['cache-tag']).toMatch(`p:${way.product}`)
        expect(Object.keys(each.headers)).not.toContain('x-accel-redirect')
        expect(Object.keys(each.headers)).not.toContain('matrix-cache-control')
        if (isKept(way)) expect(each.headers['x-cache']).toBe('HIT')
        else expect(each.headers['x-cache']).not.toBe('HIT')
      }
      const { paths, bytes } = await behind.asked()
      expect({ paths: paths - before.paths, bytes: bytes - before.bytes }).toEqual({
        paths: isDecided(way) ? 20 : 0,
        bytes: 0,
      })
    })

    test.each(WAYS)('of what is said of $product by $by nothing is lost', async ({ product, by }) => {
      const ask = asker(product, `${base}/small.auto`, by)
      const own = { origin: SHOP, accept: 'image/webp' }
      const answer = await ask(own)
      const direct = await askerOf(behind, { ask: behind.ask }, { product, file: `${base}/small.auto`, by })(own)
      expect(direct.headers).toMatchObject({
        'access-control-allow-origin': SHOP,
        vary: expect.stringContaining('Origin'),
      })
      expect(saidOf(answer)).toEqual(saidOf(direct))
    })

    test('equal bytes of all products were fetched by their content once', async () => {
      const before = await behind.asked()
      const [one, other] = [
        await asker('handed', `${base}/small.jpg`, 'key')(),
        await asker('closed', `${base}/small.jpg`, 'key')(),
      ]
      expect([one.status, other.body]).toEqual([200, one.body])
      expect((await behind.asked()).bytes - before.bytes).toBe(1)
    })

    test.each(['open', 'handed'] as const)(
      'a hundred that come at once for %s are one at the origin',
      async product => {
        const body = await photo({ width: product === 'open' ? 65 : 66, height: 48 })
        const asset = await behind.upload(body)
        await derived(behind.system, { asset, product, key: behind.keys[product], format: 'avif' })
        const before = await behind.asked()
        const ask = asker(product, `${asset}/v1/small.avif`, 'nothing')
        const answers = await Promise.all(Array.from({ length: 100 }, () => ask()))
        expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
        expect(answers[0]?.status).toBe(200)
        const { paths, bytes: fetched } = await behind.asked()
        expect({ paths: paths - before.paths, bytes: fetched - before.bytes }).toEqual(
          product === 'open' ? { paths: 1, bytes: 0 } : { paths: 100, bytes: 1 },
        )
      },
    )

    test.each(WAYS)('parts, heads and conditions of $product by $by', async ({ product, by }) => {
      const ask = asker(product, `${base}/small.jpg`, by)
      const whole = await ask()
      const { etag = '' } = whole.headers
      const size = whole.body.length
      const part = await ask({ range: 'bytes=2-5' })
      expect(part).toMatchObject({ status: 206, body: whole.body.slice(2, 6) })
      expect(part.headers['content-range']).toBe(`bytes 2-5/${size}`)
      const end = await ask({ range: 'bytes=-3', 'if-range': etag })
      expect(end).toMatchObject({ status: 206, body: whole.body.slice(-3) })
      expect(await ask({ range: 'bytes=2-5', 'if-range': '"other"' })).toMatchObject({ status: 200, body: whole.body })
      expect((await ask({ range: `bytes=${size}-` })).status).toBe(416)
      const head = await ask({}, 'HEAD')
      expect([head.status, head.body, head.headers['content-length']]).toEqual([200, '', String(size)])
      const seen = await ask({ 'if-none-match': etag })
      expect([seen.status, seen.body, seen.headers.etag]).toEqual([304, '', etag])
      expect(saidOf(seen)['cache-control']).toBe(saidOf(whole)['cache-control'])
      expect(await ask({ 'if-none-match': '"other"' })).toMatchObject({ status: 200, body: whole.body })
    })

    test.each(['closed', 'handed'] as const)(
      'an original of %s leaves as a download that does nothing',
      async product => {
        const ask = asker(product, `${base}/original`, 'key')
        const whole = await ask()
        expect(whole.status).toBe(200)
        expect(whole.headers).toMatchObject({
          'content-type': 'image/jpeg',
          'x-content-type-options': 'nosniff',
          'content-disposition': expect.stringContaining('sun.jpg'),
          'cache-control': expect.stringMatching(/^private/),
          'content-security-policy': expect.stringContaining('sandbox'),
        })
        expect(await ask({ range: 'bytes=10-19' })).toMatchObject({ status: 206, body: whole.body.slice(10, 20) })
        const named = await cache.ask(`/i/${product}/${base}/original?dl=moon.jpg`, {
          authorization: `Bearer ${behind.keys[product]}`,
        })
        expect(named.headers['content-disposition']).toContain('moon.jpg')
        expect((await cache.ask(`/i/${product}/${base}/original`)).status).toBe(404)
      },
    )

    test.each(['streamed', 'closed'] as const)('what %s was answered is nobody else’s', async product => {
      for (const file of ['small.webp', 'small.auto', 'original']) {
        const path = `/i/${product}/${base}/${file}`
        const authorization = `Bearer ${behind.keys[product]}`
        expect((await cache.ask(path, { authorization })).status, file).toBe(200)
        expect((await cache.ask(path)).status, file).toBe(404)
        expect((await cache.ask(path, { authorization: `Bearer ${behind.keys.open}` })).status, file).toBe(404)
        expect((await cache.ask(path, { authorization })).status, file).toBe(200)
      }
      const signed = signUrl({ path: `/i/${product}/${base}/small.webp`, ...behind.sign[product], inPath: true })
      expect((await cache.ask(signed)).status).toBe(200)
      expect((await cache.ask(signed.replace(/.\/i\//, end => (end.startsWith('0') ? '1/i/' : '0/i/')))).status).toBe(
        403,
      )
    })

    test('nobody but the gateway leads to bytes by their content', async () => {
      const told = await behind.system.call('GET', `/i/handed/${base}/small.jpg`, {
        headers: { 'Matrix-Front': behind.secrets.front },
      })
      const inside = told.headers.get('x-accel-redirect') ?? ''
      expect(inside).toMatch(/^\/_matrix\/o\/../)
      const said = { 'x-matrix-inside': '1', 'x-accel-redirect': inside, 'x-original-url': inside }
      for (const path of [inside, inside.replace('/_matrix', ''), '/v1/assets', '/metrics', '/'])
        for (const headers of [{}, said, { authorization: `Bearer ${behind.secrets.originKey}` }] as Headers[])
          expect((await cache.ask(path, headers)).status, path).toBe(404)
      for (const method of ['POST', 'PUT', 'DELETE', 'PURGE'])
        expect([403, 405], method).toContain((await cache.ask(`/i/open/${base}/small.jpg`, {}, method)).status)
    })

    test('whatever Accept says, a negotiated path has three copies', async () => {
      const before = await behind.asked()
      for (const [type, all] of Object.entries(ACCEPTS))
        for (const accept of all) {
          const answer = await cache.ask(`/i/open/${base}/small.auto`, { accept })
          expect([answer.status, answer.headers['content-type']], accept).toEqual([200, type])
          expect(answer.headers.vary).toMatch(/accept/i)
        }
      expect((await behind.asked()).paths - before.paths).toBe(3)
      for (const [type, [accept]] of Object.entries(ACCEPTS))
        expect(
          (await cache.ask(`/i/closed/${base}/small.auto`, { accept, authorization: `Bearer ${behind.keys.closed}` }))
            .headers['content-type'],
        ).toBe(type)
    })

    test('headers that would lead elsewhere lead nowhere', async () => {
      const path = `/i/open/${base}/small.webp`
      const plain = await cache.ask(path)
      const before = await behind.asked()
      for (const headers of [
        { 'x-forwarded-host': 'evil.example' },
        { 'x-original-url': '/metrics' },
        { 'x-rewrite-url': '/metrics' },
        { 'x-http-method-override': 'DELETE' },
        { 'x-forwarded-proto': 'ftp' },
        { host: 'evil.example' },
        { cookie: 'a=b' },
        { 'matrix-front': 'mine', 'x-matrix-control': 'public' },
      ] as Headers[])
        expect(await cache.ask(path, headers), JSON.stringify(headers)).toMatchObject({ status: 200, body: plain.body })
      expect(await behind.asked()).toEqual(before)
    })

    test('what is not there is asked for again within seconds, and what is refused is not kept', async () => {
      const missing = await cache.ask(`/i/open/${crypto.randomUUID()}/v1/small.webp`)
      expect(missing.status).toBe(404)
      expect(missing.headers['cache-control']).toMatch(/no-store|max-age=5(,|$)/)
    })

    test('a new version is seen at once where it is asked for each time, and after the purge where it is kept', async () => {
      const asset = await behind.upload(await photo({ width: 67, height: 48 }))
      const current = (product: ProductName) => asker(product, `${asset}/current/small.webp`, 'nothing')
      for (const product of ['open', 'handed'] as const)
        await derived(behind.system, { asset, product, key: behind.keys[product], format: 'webp' })
      const [kept, handed] = [await current('open')(), await current('handed')()]
      expect(kept.body).toBe(handed.body)
      const body = await photo({ width: 68, height: 48 })
      await expectJson(
        behind.system.call('POST', `/v1/assets/${asset}/versions`, { key: behind.keys.closed, body }),
        201,
      )
      const isNew = async () => (await current('handed')()).body !== handed.body
      await until('the new version is published', isNew, { withinMs: 60_000 })
      const renewed = await current('handed')()
      if (name === 'Varnish') {
        // Told of purges, it may keep for minutes what a browser keeps for seconds.
        expect(await current('open')()).toMatchObject({ body: kept.body, headers: { 'x-cache': 'HIT' } })
        const door = await openDoor(cache.socket)
        const varnishTarget = openVarnish({ url: door.url, token: behind.secrets.purge, clock: systemClock })
        await query(behind.system.core, 'update purge set not_before = now()')
        await deliverPurges({ ...behind.system.core, purgeTargets: [varnishTarget], verifyPurge: undefined })
        const states = await query<{ state: string }>(behind.system.core, 'select distinct state from purge')
        expect(states).toEqual([{ state: 'DONE' }])
        door.close()
      } else {
        const headers = { 'x-purge-token': behind.secrets.purge }
        expect((await current('open')(headers)).headers['x-cache']).toBe('BYPASS')
      }
      expect((await current('open')()).body).toBe(renewed.body)
    })

    test('bytes by their content can be forgotten, by whoever knows the token', async () => {
      const ask = asker('closed', `${base}/small.avif`, 'key')
      const { headers } = await ask()
      const isFetched = async (): Promise<boolean> => {
        const before = await behind.asked()
        await ask()
        return (await behind.asked()).bytes > before.bytes
      }
      expect(await isFetched()).toBe(false)
      const told = { 'x-purge-token': behind.secrets.purge, 'surrogate-key': `a:${behind.asset}` }
      if (name === 'Varnish') {
        expect((await cache.ask('/', told, 'BAN')).status).toBe(200)
        expect(await isFetched()).toBe(true)
        return
      }
      const digest = headers.etag?.replaceAll('"', '') ?? ''
      const place = `/o/${digest.slice(0, 2)}/${digest}.avif`
      expect((await cache.ask(place)).status).toBe(404)
      expect(await cache.ask(place, told)).toMatchObject({ status: 200, headers: { 'x-cache': 'BYPASS' } })
    })

    test('while the gateway is away what lasts is served, and nothing is said that it has to decide', async () => {
      const lasting = asker('open', `${base}/small.webp`, 'nothing')
      const decided = asker('handed', `${base}/small.webp`, 'nothing')
      const [before] = await Promise.all([lasting(), decided()])
      await behind.leave()
      expect(await lasting()).toMatchObject({ status: 200, body: before.body })
      const { status, headers, body } = await decided()
      expect([502, 503, 504]).toContain(status)
      expect(body).not.toContain(before.body)
      expect(headers['cache-control'] ?? 'no-store').toBe('no-store')
    })
  })
})
