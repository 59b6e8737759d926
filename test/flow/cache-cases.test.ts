/**
 * What the reference configurations make of each answer that the gateway gives, in real caches: the origin's answers, then who
 * asks, and whether the origin hears of it. After the manner of cache-tests.fyi.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cache } from '../support/cache.ts'
import { CASES, type Headers, LASTING, problem, says } from '../support/cache-cases.ts'
import { findNginx, startReferenceNginx } from '../support/nginx.ts'
import { type ScriptedOrigin, startScriptedOrigin } from '../support/scripted-origin.ts'
import { until } from '../support/until.ts'
import { findVarnish, startReferenceVarnish } from '../support/varnish.ts'

const CACHES = [
  { name: 'nginx', find: findNginx, start: startReferenceNginx },
  { name: 'Varnish', find: findVarnish, start: startReferenceVarnish },
] as const
const programs = await Promise.all(CACHES.map(async each => ({ ...each, program: await each.find() })))

describe.each(programs)('$name', ({ name, program, start }) => {
  const missing = 'missing' in program ? program.missing : undefined
  describe.skipIf(missing)(missing ? `(skipped: ${missing})` : 'as docs/cdn has it', () => {
    const purge = 'purge-token-of-the-tests'
    let origin: ScriptedOrigin
    let cache: Cache
    let paths = 0
    const place = (file = 'x.webp'): string => `/i/open/${++paths}/v1/${file}`

    beforeAll(async () => {
      if ('missing' in program) return
      origin = await startScriptedOrigin()
      cache = await start(program, { origin: origin.address, front: 'front', originKey: 'origin', purge })
    })
    afterAll(async () => {
      await cache?.remove()
      await origin?.close()
    })

    test.each(CASES.filter(({ only = name }) => only === name))('$what', async ({ answers, steps, file }) => {
      const path = place(file)
      origin.script(path, answers)
      for (const [index, step] of steps.entries()) {
        const before = origin.asked(path).length
        const answer = await cache.ask(path + (step.query ?? ''), step.headers, step.method)
        const where = `step ${index + 1}: ${answer.status} ${JSON.stringify(answer.headers)}`
        expect(origin.asked(path).length - before, where).toBe(step.expect === 'asked' ? 1 : 0)
        if (step.status !== undefined) expect(answer.status, where).toBe(step.status)
        if (step.body !== undefined) expect(answer.body, where).toBe(step.body)
      }
      for (const { headers } of origin.asked(path)) {
        expect(headers['matrix-front']).toBe('front')
        expect(headers.cookie).toBeUndefined()
      }
    })

    test('a hundred who come at once are one', async () => {
      const path = place()
      origin.script(path, [says(LASTING)])
      const answers = await Promise.all(Array.from({ length: 100 }, () => cache.ask(path)))
      expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set([`200 ${path}`]))
      expect(origin.asked(path)).toHaveLength(1)
    })

    test('an old copy stands in while the origin is asked again', async () => {
      const path = place('y.webp')
      const headers = { 'Cache-Control': 'public, max-age=1, stale-while-revalidate=60' }
      origin.script(path, [
        { headers, body: 'old' },
        { headers, body: 'new' },
      ])
      expect((await cache.ask(path)).body).toBe('old')
      // Nobody waits: until the new one is there everybody gets the old one.
      const bodies = new Set<string>()
      await until('the new one', async () => {
        const { status, body } = await cache.ask(path)
        expect(status).toBe(200)
        bodies.add(body)
        return body === 'new'
      })
      expect([...bodies]).toEqual(['old', 'new'])
    })

    test('an old copy that still holds is asked for by its tag, and not sent again', async () => {
      const path = place()
      origin.script(path, [{ ...says('public, max-age=1', { ETag: '"a"' }), body: 'a' }])
      expect((await cache.ask(path)).body).toBe('a')
      await until('asked again', async () => {
        expect(await cache.ask(path)).toMatchObject({ status: 200, body: 'a' })
        return origin.asked(path).length > 1
      })
      expect(origin.asked(path)[1]?.headers['if-none-match']).toBe('"a"')
    })

    test('an old copy stands in while the origin fails, where the origin has allowed it', async () => {
      const [allowed, never] = [place(), `/s/proof${place()}`]
      const failing = problem(503, 'no-store')
      origin.script(allowed, [says('public, max-age=1, stale-while-revalidate=1, stale-if-error=600'), failing])
      origin.script(never, [says('public, max-age=1'), failing])
      for (const path of [allowed, never]) expect((await cache.ask(path)).status).toBe(200)
      await until('the copy is old and the origin fails', async () => (await cache.ask(never)).status === 503)
      await until('the origin has been asked again', async () => {
        expect(await cache.ask(allowed)).toMatchObject({ status: 200, body: allowed })
        return origin.asked(allowed).length > 1
      })
      expect(await cache.ask(allowed)).toMatchObject({ status: 200, body: allowed })
    })

    describe.runIf(name === 'Varnish')('purges', () => {
      const ban = (headers: Headers) => cache.ask('/', headers, 'BAN')
      const tagged = (tags: string) => {
        const path = place()
        origin.script(path, [says(LASTING, { 'Cache-Tag': tags, 'Surrogate-Key': tags.replaceAll(',', ' ') })])
        return path
      }
      const isKept = async (path: string): Promise<boolean> => {
        const before = origin.asked(path).length
        await cache.ask(path)
        return origin.asked(path).length === before
      }

      test('forget what carries one of the tags, whole tags only', async () => {
        const tags = ['a:x,v:x.1,p:open,n:0f', 'a:x,v:x.10,p:open,n:1f', 'a:y,v:y.1,p:open', 'p:open,a:xx', 'n:v:x.1']
        const [first = '', ...others] = tags.map(tagged)
        for (const path of [first, ...others]) await isKept(path)
        expect((await ban({ 'x-purge-token': purge, 'surrogate-key': 'v:x.1 n:v:zzz' })).status).toBe(200)
        expect(await isKept(first)).toBe(false)
        for (const path of others) expect(await isKept(path)).toBe(true)
        expect((await ban({ 'x-purge-token': purge, 'surrogate-key': 'a:x, a:y' })).status).toBe(200)
        const after = await Promise.all([first, ...others].map(isKept))
        expect(after).toEqual([false, false, false, true, true])
      })

      test('are for those who know the token', async () => {
        const path = tagged('a:z')
        await isKept(path)
        for (const headers of [{}, { 'x-purge-token': 'other' }, { 'x-purge-token': '' }] as Headers[])
          expect((await ban({ ...headers, 'surrogate-key': 'a:z' })).status).toBe(403)
        expect(await isKept(path)).toBe(true)
      })

      test.each(['', ' ', 'a:z)|.*(', 'a:z && req.url ~ .', '.*', 'a:z"', 'a:z\\'])('of %j are none', async key => {
        const path = tagged('a:w')
        await isKept(path)
        expect((await ban({ 'x-purge-token': purge, 'surrogate-key': key })).status).toBe(400)
        expect(await isKept(path)).toBe(true)
      })
    })

    test.runIf(name === 'Varnish')(
      'an old copy that nobody may be given any more stands in for a failure all the same',
      async () => {
        if ('missing' in program) return
        const secrets = { front: 'front', originKey: 'origin', purge }
        const strict = await startReferenceVarnish(
          program,
          { origin: origin.address, ...secrets },
          { 'grace = 25s': 'grace = 0s' },
        )
        const [allowed, never] = [place(), place()]
        origin.script(allowed, [says('public, max-age=1, stale-if-error=600'), problem(503, 'no-store')])
        origin.script(never, [says('public, max-age=1'), problem(503, 'no-store')])
        for (const path of [allowed, never]) expect((await strict.ask(path)).status).toBe(200)
        await until('the copy is old', async () => (await strict.ask(never)).status === 503)
        await until('the origin has failed', async () => {
          expect(await strict.ask(allowed)).toMatchObject({ status: 200, body: allowed })
          return origin.asked(allowed).length > 1
        })
        const before = origin.asked(never).length
        expect((await strict.ask(never)).headers['retry-after']).toBe('5')
        expect(origin.asked(never).length).toBe(before + 1)
        await strict.remove()
      },
    )

    describe.runIf(name === 'nginx')('purges', () => {
      test('replace the copy under the path, by what is said then', async () => {
        const path = place()
        origin.script(path, [
          { ...says(LASTING), body: 'old' },
          { ...says(LASTING), body: 'new' },
        ])
        expect((await cache.ask(path)).body).toBe('old')
        expect((await cache.ask(path, { 'x-purge-token': 'other' })).body).toBe('old')
        const refreshed = await cache.ask(path, { 'x-purge-token': purge })
        expect([refreshed.body, refreshed.headers['x-cache']]).toEqual(['new', 'BYPASS'])
        expect(await cache.ask(path)).toMatchObject({ body: 'new', headers: { 'x-cache': 'HIT' } })
      })

      test('of what is gone leave nothing', async () => {
        const path = place()
        origin.script(path, [says(LASTING), problem(410, 'public, max-age=60')])
        expect((await cache.ask(path)).status).toBe(200)
        expect((await cache.ask(path, { 'x-purge-token': purge })).status).toBe(410)
        expect((await cache.ask(path)).status).toBe(410)
      })
    })
  })
})
