/** Images that kill or hold up what decodes them: a typed failure that everybody can see, and nobody else notices. */
import sharp from 'sharp'
import { afterEach, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { photo, pngBomb, whiteNoise } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectConsistent, query } from './intact.ts'

let system: System
let send: Send
const start = async (env: Readonly<Record<string, string>>, renditions: Readonly<Record<string, object>>) => {
  system = await startSystem({ env: { WORKERS: '2', POLL_MS: '50', ...env } })
  send = await openClient(system)
  const owner = { key: ADMIN_KEY, body: { owner: 'shop-web' } }
  await expectJson(send('PUT', '/v1/collections/poison', owner), 201)
  for (const [name, recipe] of Object.entries(renditions)) {
    const path = `/v1/collections/poison/products/shop-web/renditions/${name}`
    await expectJson(send('PUT', path, { key: ADMIN_KEY, body: { recipe } }), 201)
  }
}
afterEach(async () => {
  await expectConsistent(system.core)
  await system.close()
})

interface Node {
  readonly format: string
  readonly state: string
  readonly attempts: number
  readonly crashes: number
}
const nodesOf = (digest: string): Promise<Node[]> =>
  query<Node>(
    system.core,
    `select format, state, attempts, crashes from node where original = decode($1, 'hex') order by format`,
    [digest.slice('sha256:'.length)],
  )
const ended = (digest: string): Promise<Node[]> =>
  until(
    'all nodes have come to an end',
    async () => {
      const nodes = await nodesOf(digest)
      return nodes.length > 0 && nodes.every(({ state }) => state === 'DONE' || state === 'DEAD') && nodes
    },
    { withinMs: 90_000 },
  )

/** Whoever may know is told the class of the failure, and nobody a word of the decoder. */
const expectSaid = async (asset: string, format: string, failure: string): Promise<void> => {
  const { key } = { key: system.keys['shop-web'] }
  const path = `/v1/products/shop-web/assets/${asset}/renditions/all?version=1&format=${format}`
  const problem = await expectRefusal(send('GET', path, { key }), 424, 'rendition-failed')
  expect(problem.class).toBe(failure)
  const letters = await expectJson<{ items: object[] }>(send('GET', '/v1/dead-letters', { key: ADMIN_KEY }), 200)
  expect(letters.items).toMatchObject([{ class: failure, format, asked_by: [{ asset }] }])
  const metrics = await (await send('GET', '/metrics', { key: ADMIN_KEY })).text()
  expect(metrics).toContain(`matrix_dead_nodes{class="${failure}"} 1`)
  const completeness = await expectJson(send('GET', `/v1/assets/${asset}/versions/1/completeness`, { key }), 200)
  for (const said of [problem, letters, completeness])
    expect(JSON.stringify(said)).not.toMatch(/vips|sharp|webp:|heif:/i)
}

const SMALL = { resize: { width: 60 }, formats: ['jpeg'] }

describe('an image that kills its decode process', () => {
  test('by its memory: dead after the second time; siblings and other originals are made', async () => {
    // Node and the engine take some 100 MB, 6 MP of noise as lossless WebP several times that.
    const recipe = { formats: [{ format: 'webp', lossless: true, effort: 6 }] }
    await start({ DECODE_MEMORY_BYTES: String(260 * 1024 ** 2) }, { all: recipe, small: SMALL })
    const poison = await system.upload(await whiteNoise({ width: 3000, height: 2000 }), 'collection=poison')
    const other = await system.upload(await photo({ width: 300, height: 200 }), 'collection=poison')
    for (const { state } of await ended(other.digest)) expect(state).toBe('DONE')
    expect(await ended(poison.digest)).toEqual([
      { format: 'jpeg', state: 'DONE', attempts: 1, crashes: 0 },
      { format: 'webp', state: 'DEAD', attempts: 2, crashes: 2 },
    ])
    await expectSaid(poison.asset, 'webp', 'memory-exceeded')
  }, 120_000)

  test('by its time: likewise', async () => {
    const recipe = { formats: [{ format: 'avif', effort: 9, quality: 100, required: true }] }
    await start({ DECODE_SOFT_MS: '200', DECODE_HARD_MS: '1500' }, { all: recipe, small: SMALL })
    const poison = await system.upload(await whiteNoise({ width: 1600, height: 1200 }), 'collection=poison')
    expect(await ended(poison.digest)).toEqual([
      { format: 'avif', state: 'DEAD', attempts: 2, crashes: 2 },
      { format: 'jpeg', state: 'DONE', attempts: 1, crashes: 0 },
    ])
    await expectSaid(poison.asset, 'avif', 'timed-out')
    const other = await system.upload(await photo({ width: 64, height: 48 }), 'collection=poison')
    expect((await ended(other.digest)).find(({ format }) => format === 'jpeg')).toMatchObject({
      state: 'DONE',
      crashes: 0,
    })
  }, 120_000)
})

describe('an image whose recipe costs too much', () => {
  const EFFECTS = { median: 9, blur: 50, sharpen: { sigma: 10 }, modulate: { hue: 90 } }
  const hostile = { stages: [EFFECTS, EFFECTS, EFFECTS, { ...EFFECTS, resize: { width: 10 } }], formats: ['jpeg'] }

  test('is refused when it is planned: no node, no work, and said why', async () => {
    await start({}, { all: hostile, small: SMALL })
    const { asset, digest } = await system.upload(pngBomb({ width: 7000, height: 7000 }), 'collection=poison')
    const key = system.keys['shop-web']
    const path = `/v1/products/shop-web/assets/${asset}/renditions/all?version=1&format=jpeg`
    const problem = await expectRefusal(send('GET', path, { key }), 424, 'rendition-failed')
    expect(problem.class).toBe('too-expensive')
    const plan = await expectJson<{ refused: { code: string; message: string }[] }>(
      send('GET', `/v1/assets/${asset}/versions/1/plan`, { key }),
      200,
    )
    expect(plan.refused).toMatchObject([{ code: 'too-expensive', message: expect.stringMatching(/\d+ s of CPU/) }])
    expect(await nodesOf(digest)).toHaveLength(1)
    const ordinary = await system.upload(await photo({ width: 300, height: 200 }), 'collection=poison')
    for (const { state } of await ended(ordinary.digest)) expect(state).toBe('DONE')
  }, 60_000)

  test('by the limit that is set', async () => {
    await start({ MAX_TRANSFORM_CPU_MS: '100' }, { all: { formats: ['jpeg'] } })
    const noise = await sharp({ create: { width: 6000, height: 6000, channels: 3, background: '#888888' } })
      .jpeg()
      .toBuffer()
    const large = await system.upload(noise, 'collection=poison')
    expect(await nodesOf(large.digest)).toEqual([])
    const small = await system.upload(await photo({ width: 300, height: 200 }), 'collection=poison')
    expect(await ended(small.digest)).toMatchObject([{ state: 'DONE' }])
  })
})
