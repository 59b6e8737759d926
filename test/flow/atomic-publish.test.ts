/**
 * One pointer for every product, seen through two gateways that are processes of their own. What is held: of two reads of which
 * one ended before the other began, whichever product and gateway, the later sees the same publication or a newer one; and none is
 * older than what was acknowledged before it began, nor newer than what had been begun when it ended.
 */
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectConsistent, query } from '../faults/intact.ts'
import { environmentOf, type Forked, forkNode } from '../support/fork-node.ts'
import { photo } from '../support/images.ts'
import { linearize } from '../support/linearizable.ts'
import { type PointerInput, type PointerOperation, type PointerOutput, pointerModel } from '../support/pointer-model.ts'
import { type CallOptions, requestOf, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const READERS = 20
const PAIRS = 300
const PRODUCTS = [
  ['shop-web', 'card'],
  ['mobile', 'tile'],
  ['partner-api', 'feed'],
] as const

let system: System
let gateways: readonly (Forked & { readonly said: unknown })[]
let jpeg: Buffer
beforeAll(async () => {
  system = await startSystem({ worker: false })
  const env = environmentOf(system)
  const one = { file: 'test/support/fork-gateway.ts', env }
  gateways = await Promise.all([forkNode(one), forkNode(one)])
  jpeg = await photo({ width: 96, height: 64 })
})
afterAll(async () => {
  for (const gateway of gateways) await gateway.kill()
  await system.close()
})

const send = (through: number, method: string, path: string, options: CallOptions = {}): Promise<Response> =>
  fetch(new URL(path, String(gateways[through % 2]?.said)), requestOf(method, options))
const fresh = (): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())]))
const keyOf = (product: (typeof PRODUCTS)[number][0]): string => system.keys[product]

const stateOf = async (asset: string, version: number): Promise<string | undefined> =>
  (
    await query<{ state: string }>(
      system.core,
      'select state from asset_version where asset_id = $1 and version = $2',
      [asset, version],
    )
  )[0]?.state
const addVersion = async (asset: string, publish: string): Promise<number> => {
  const path = `/v1/assets/${asset}/versions?publish=${publish}`
  const response = await send(randomInt(2), 'POST', path, { key: keyOf('shop-web'), body: fresh() })
  expect(response.status).toBe(201)
  return ((await response.json()) as { version: number }).version
}
/** With so many versions that are complete; the first is shown. */
const withVersions = async (versions: number): Promise<string> => {
  const { asset } = await system.upload(fresh())
  for (let version = 2; version <= versions; version++) await addVersion(asset, 'manual')
  for (let version = 1; version <= versions; version++)
    await until(
      `version ${version} is complete`,
      async () => ['READY', 'ACTIVE'].includes((await stateOf(asset, version)) ?? ''),
      { withinMs: 60_000 },
    )
  return asset
}
const move = (through: number, asset: string, verb: 'publish' | 'rollback', body: object, ifMatch = '*') =>
  send(through, 'POST', `/v1/assets/${asset}/${verb}`, {
    key: keyOf('shop-web'),
    body,
    headers: { 'If-Match': ifMatch },
  })

interface Shown {
  readonly version: number
  readonly publication: number
}

interface Seen {
  /** `undefined`: a redirect does not say. */
  readonly version: number | undefined
  readonly publication: number
  readonly calledAt: number
  readonly returnedAt: number
}

/** What one product is shown, as a document or on the way to the bytes; and that a version that was shown stays to be had. */
const look = async (asset: string, reader: number): Promise<Seen> => {
  const [product, rendition] = PRODUCTS[randomInt(PRODUCTS.length)] ?? PRODUCTS[0]
  const isDocument = randomInt(2) === 0
  const document = `/v1/products/${product}/assets/${asset}/renditions/${rendition}?delivery=json`
  const path = isDocument ? document : `/i/${product}/${asset}/current/${rendition}.jpg`
  const calledAt = performance.now()
  const response = await send(reader + randomInt(2), 'GET', path, { key: keyOf(product) })
  const body = await response.text()
  const returnedAt = performance.now()
  expect({ status: response.status, body }).toMatchObject({ status: isDocument ? 200 : 302 })
  const publication = Number(response.headers.get('matrix-publication'))
  if (!isDocument) return { version: undefined, publication, calledAt, returnedAt }
  const { version } = JSON.parse(body) as { version: number }
  const pinned = await send(reader, 'GET', `${document}&version=${version}`, { key: keyOf(product) })
  expect(await pinned.json()).toMatchObject({ state: 'ready', version })
  return { version, publication, calledAt, returnedAt }
}

/** Pairs of reads that contradict one instant: the later one saw an older publication. */
const contradictions = (reads: readonly Seen[]): number => {
  const ended = [...reads].sort((one, other) => one.returnedAt - other.returnedAt)
  const begun = [...reads].sort((one, other) => one.calledAt - other.calledAt)
  let newest = 0
  let next = 0
  let found = 0
  for (const read of begun) {
    for (let earlier = ended[next]; earlier && earlier.returnedAt < read.calledAt; earlier = ended[++next])
      newest = Math.max(newest, earlier.publication)
    if (read.publication < newest) found++
  }
  return found
}

test(`${READERS} readers of three products through two gateways, in a storm of publishes: one instant for all`, async () => {
  const asset = await withVersions(3)
  const moves: Seen[] = []
  let storming = true
  const storm = async (through: number): Promise<void> => {
    for (let round = 0; round < 40; round++) {
      const calledAt = performance.now()
      const verb = round % 3 === 2 ? 'rollback' : 'publish'
      const version = 1 + randomInt(3)
      const response = await move(through, asset, verb, verb === 'publish' ? { version } : { to: version })
      const body = (await response.json()) as Shown
      expect({ status: response.status, version: body.version }).toEqual({ status: 200, version })
      moves.push({ ...body, calledAt, returnedAt: performance.now() })
    }
  }
  /** These publish themselves when everything that all products require is there. */
  const arrive = async (): Promise<void> => {
    for (let round = 0; round < 4; round++) {
      const version = await addVersion(asset, 'when-ready')
      const isShown = async () => ['ACTIVE', 'ARCHIVED'].includes((await stateOf(asset, version)) ?? '')
      await until(`version ${version} has been shown`, isShown, { withinMs: 60_000 })
    }
  }
  const read = async (reader: number): Promise<Seen[]> => {
    const seen: Seen[] = []
    while (storming) seen.push(await look(asset, reader))
    return seen
  }
  const writing = Promise.all([storm(0), storm(1), arrive()]).finally(() => {
    storming = false
  })
  const [reads] = await Promise.all([
    Promise.all(Array.from({ length: READERS }, (_, reader) => read(reader))).then(all => all.flat()),
    writing,
  ])

  const history = await query<{ publication_no: string; version: number }>(
    system.core,
    'select publication_no, version from publication where asset_id = $1',
    [asset],
  )
  const versions = new Map(history.map(({ publication_no, version }) => [Number(publication_no), version]))
  expect(reads.length).toBeGreaterThan(READERS * 10)
  expect(new Set(reads.map(({ publication }) => publication)).size).toBeGreaterThan(20)
  expect(contradictions([...reads, ...moves.map(one => ({ ...one, calledAt: one.returnedAt }))])).toBe(0)
  for (const { version, publication } of reads)
    if (version !== undefined) expect(version).toBe(versions.get(publication))
  // The check can fail: of two that did not overlap, what they saw changed places.
  const sorted = [...reads].sort((one, other) => one.calledAt - other.calledAt)
  const [first, last] = [sorted[0], sorted.at(-1)]
  if (!first || !last) throw new Error('Nobody has read')
  const swapped = sorted.map(one =>
    one === first ? { ...one, publication: last.publication } : one === last ? { ...one, publication: 1 } : one,
  )
  expect(contradictions(swapped)).toBeGreaterThan(0)
  await expectConsistent(system.core)
}, 180_000)

test(`${PAIRS} publishes, each asked about at once through the gateway that took no part`, async () => {
  const asset = await withVersions(2)
  let stale = 0
  for (let pair = 0; pair < PAIRS; pair++) {
    const version = 2 - (pair % 2)
    const response = await move(pair, asset, 'publish', { version })
    const { publication } = (await response.json()) as Shown
    const seen = await look(asset, pair)
    const [product, rendition] = PRODUCTS[pair % PRODUCTS.length] ?? PRODUCTS[0]
    const path = `/v1/products/${product}/assets/${asset}/renditions/${rendition}?delivery=json`
    const body = (await (await send(pair + 1, 'GET', path, { key: keyOf(product) })).json()) as Shown
    if (body.version !== version || body.publication !== publication || seen.publication !== publication) stale++
  }
  expect(stale).toBe(0)
}, 120_000)

test('publishes, rollbacks, lost tags and reads at once have one order, and a history that was tampered with has none', async () => {
  const VERSIONS = 4
  for (let round = 0; round < 5; round++) {
    const asset = await withVersions(round === 0 ? VERSIONS : 2)
    const versions = round === 0 ? VERSIONS : 2
    const history: PointerOperation[] = []
    const ask = async (through: number, input: PointerInput): Promise<PointerOutput> => {
      if (input.act === 'read') {
        const path = `/v1/products/mobile/assets/${asset}/renditions/tile?delivery=json`
        const response = await send(through, 'GET', path, { key: keyOf('mobile') })
        const { version, publication } = (await response.json()) as Shown
        return { is: 'at', version, publication }
      }
      const response =
        input.act === 'back'
          ? await move(through, asset, 'rollback', {})
          : await move(
              through,
              asset,
              input.act,
              input.act === 'publish' ? { version: input.version } : { to: input.version },
              input.ifMatch === undefined ? '*' : `"p${input.ifMatch}"`,
            )
      const { version, publication } = (await response.json()) as Shown
      if (response.status !== 200) {
        expect([409, 412]).toContain(response.status)
        return { is: 'refused' }
      }
      return { is: 'at', version, publication }
    }
    const client = async (who: number): Promise<void> => {
      let known = 1
      for (let step = 0; step < 12; step++) {
        const version = 1 + randomInt(versions)
        const acts: PointerInput[] = [
          { act: 'read' },
          { act: 'publish', version, ifMatch: undefined },
          { act: 'publish', version, ifMatch: known },
          { act: 'rollback', version, ifMatch: known },
          { act: 'back' },
          { act: 'read' },
        ]
        const input = acts[randomInt(acts.length)] ?? { act: 'read' }
        const calledAt = performance.now()
        const output = await ask(who, input)
        history.push({ input, output, calledAt, returnedAt: performance.now() })
        if (output.is === 'at') known = output.publication
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, who) => client(who)))

    const model = pointerModel([1])
    expect(history).toHaveLength(96)
    expect(linearize(model, history)).toHaveLength(history.length)
    // What somebody was told last is what somebody was told first: stale, or never true.
    const heard = history
      .filter(({ output }) => output?.is === 'at')
      .sort((one, other) => one.calledAt - other.calledAt)
    const stale = heard[0]?.output
    const tampered = history.map(one =>
      one === heard.at(-1) ? { ...one, input: { act: 'read' } as const, output: stale } : one,
    )
    expect(linearize(model, tampered)).toBeUndefined()
  }
}, 180_000)
