/**
 * What a product can resolve, rebuilt from event 0 by a consumer that reads nothing but pages of events with the product's key: the
 * same as its manifest, byte for byte. Beyond events it needs the order of the lines and the spelling of a path, which the SDK has.
 * What it cannot know are conditions of a grant (times, labels, media types, networks): the product of this test has none.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Envelope } from '../../src/events/envelope.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { writeDeliveryPath } from '../../src/model/delivery-path.ts'
import type { Format } from '../../src/model/recipe.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { query } from '../faults/intact.ts'
import { expectJson, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

type Product = 'shop-web' | 'mobile'
let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let send: Send
let sweep: ReturnType<typeof startSweep>
beforeAll(async () => {
  system = await startSystem()
  socket = await openSocketClient(system)
  send = socket.send
  sweep = startSweep(system.core)
})
afterAll(async () => {
  await sweep.stop()
  await socket.close()
  await system.close()
})

interface Leaf {
  readonly asset: string
  readonly version: number
  readonly rendition: string
  readonly revision: number
  readonly format: Format
  readonly digest: string
  readonly media_type: string
  readonly width: number
  readonly height: number
  readonly bytes: number
}
interface Copy {
  collection: string
  version: number | undefined
  archived: boolean
  deleted: boolean
  readonly leaves: Map<string, Leaf>
}

/** A consumer: what it keeps of each event, and nothing that it has not been told. */
const openCopy = (product: Product) => {
  const assets = new Map<string, Copy>()
  const revisions = new Map<string, number>()
  const change = (asset: string, by: (copy: Copy) => void): void => {
    const copy = assets.get(asset)
    if (copy) by(copy)
  }

  const take = ({ type, data }: { type: string; data: Record<string, unknown> }): void => {
    const { asset, version, collection, rendition } = data as unknown as Leaf & { collection: string }
    const kind = type.replace(/^io\.matrix\.|\.v1$/g, '')
    if (kind === 'rendition.revised') revisions.set(`${collection}/${rendition}`, data.revision as number)
    if (kind === 'rendition.retired') revisions.delete(`${collection}/${rendition}`)
    if (kind === 'asset.created')
      assets.set(asset, { collection, version: undefined, archived: false, deleted: false, leaves: new Map() })
    if (kind === 'asset.published' || kind === 'asset.rolled_back')
      change(asset, copy => {
        copy.version = version
      })
    if (kind === 'asset.archived')
      change(asset, copy => {
        copy.archived = true
      })
    if (kind === 'asset.deleted')
      change(asset, copy => {
        copy.deleted = true
      })
    if (kind === 'asset.restored')
      change(asset, copy => {
        copy.deleted = false
        copy.archived = data.archived === true
      })
    if (kind === 'asset.erased') assets.delete(asset)
    if (kind === 'rendition.ready') {
      const { revision, format, digest, media_type, width, height, bytes } = data as unknown as Leaf
      const leaf = { asset, version, rendition, revision, format, digest, media_type, width, height, bytes }
      change(asset, ({ leaves }) => leaves.set([version, rendition, revision, format].join(' '), leaf))
    }
  }

  const lines = (): string[] => {
    const shown = [...assets.values()].flatMap(({ collection, version, archived, deleted, leaves }) =>
      archived || deleted
        ? []
        : [...leaves.values()].filter(
            leaf => leaf.version === version && revisions.get(`${collection}/${leaf.rendition}`) === leaf.revision,
          ),
    )
    const keyOf = ({ asset, rendition, format }: Leaf): string => [asset, rendition, format].join('\n')
    return shown
      .sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
      .map(leaf => JSON.stringify({ ...leaf, path: writeDeliveryPath({ ...leaf, product }) }))
  }
  return { take, lines }
}

const readAll = async (product: Product): Promise<readonly Envelope[]> => {
  const items: Envelope[] = []
  for (let after = 0; ; ) {
    const path = `/v1/events?after=${after}&limit=97`
    const page = await expectJson<{ items: Envelope[]; next_after: number }>(
      send('GET', path, { key: system.keys[product] }),
      200,
    )
    items.push(...page.items)
    if (page.next_after === after) return items
    after = page.next_after
  }
}

const atRest = async (): Promise<void> => {
  await settled(system)
  const OPEN = `select 1 from operation where state = 'RUNNING' union all select 1 from leaf_move union all select 1 from erasure where state <> 'DONE'`
  await until('nothing is under way', async () => (await query(system.core, OPEN)).length === 0)
  await sequenceEvents(system.core.database)
}

const expectSame = async (least: number): Promise<void> => {
  await atRest()
  for (const product of ['shop-web', 'mobile'] as const) {
    const copy = openCopy(product)
    for (const event of await readAll(product)) copy.take(event as never)
    const key = system.keys[product]
    const lines = (await (await send('GET', `/v1/products/${product}/manifest`, { key })).text()).trimEnd().split('\n')
    const { trailer } = JSON.parse(lines.pop() ?? '') as { trailer: { consistent: boolean } }
    expect(trailer.consistent).toBe(true)
    expect(copy.lines().join('\n'), product).toBe(lines.join('\n'))
    expect(lines.length).toBeGreaterThanOrEqual(least)
  }
}

const admin = async (method: string, path: string, body?: object): Promise<Response> => {
  const headers = { 'If-Match': '*', 'Idempotency-Key': crypto.randomUUID() }
  const answer = await send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
  expect(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`).toBe(true)
  return answer
}
const uploaded = async (bytes: Uint8Array, more = ''): Promise<string> =>
  (await system.upload(bytes, `collection=product-photo${more}`)).asset
const version = async (asset: string, bytes: Uint8Array, publish = 'when-ready'): Promise<void> => {
  const headers = { 'Content-Type': 'image/jpeg', 'Idempotency-Key': crypto.randomUUID() }
  const path = `/v1/assets/${asset}/versions?publish=${publish}`
  const made = await send('POST', path, { key: system.keys['shop-web'], body: new Uint8Array(bytes), headers })
  expect(made.status, await made.clone().text()).toBe(201)
  await settled(system)
}

test('a copy that is kept by events is the manifest, byte for byte', { timeout: 240_000 }, async () => {
  const [one, two, three] = await Promise.all([320, 330, 340].map(width => photo({ width, height: 200 })))
  const bytes = [one, two, three] as [Buffer, Buffer, Buffer]
  const assets = [await uploaded(bytes[0]), await uploaded(bytes[1]), await uploaded(bytes[2])] as const
  // Of bytes that are there: nothing is made for it.
  const twin = await uploaded(bytes[0])
  const draft = await uploaded(bytes[1], '&publish=manual')
  await expectSame(8)

  await version(assets[0], bytes[2])
  await version(assets[1], await photo({ width: 350, height: 200 }), 'manual')
  await admin('POST', `/v1/assets/${assets[1]}/publish`, { version: 2 })
  await admin('POST', `/v1/assets/${assets[1]}/rollback`)
  await admin('POST', `/v1/assets/${twin}/archive`)
  await admin('DELETE', `/v1/assets/${assets[2]}`)
  await expectSame(4)

  const renditions = '/v1/collections/product-photo/products'
  const put = (product: Product, name: string, resize: object, more = '') =>
    admin('PUT', `${renditions}/${product}/renditions/${name}${more}`, { recipe: { resize, formats: ['jpeg'] } })
  await send('PUT', `${renditions}/shop-web/renditions/thumb?backfill=true`, {
    key: ADMIN_KEY,
    body: { recipe: { resize: { width: 31 }, formats: ['png', 'jpeg'] } },
  })
  // Made for another by then.
  await send('PUT', `${renditions}/mobile/renditions/thumb?backfill=true`, {
    key: ADMIN_KEY,
    body: { recipe: { resize: { width: 31 }, formats: ['jpeg'] } },
  })
  await put('shop-web', 'card', { width: 77 })
  await admin('DELETE', `${renditions}/mobile/renditions/tile`)
  await expectSame(4)

  // Asked for: of a revision that nobody has made.
  await expectJson(
    send('GET', `/v1/products/shop-web/assets/${assets[1]}/renditions/card?wait=10`, {
      key: system.keys['shop-web'],
      headers: { Accept: 'application/json' },
    }),
    200,
  )
  await admin('POST', `/v1/assets/${assets[2]}/undelete`)
  await admin('DELETE', `/v1/assets/${twin}`)
  await admin('POST', `/v1/assets/${twin}/undelete`)
  await admin('POST', `/v1/assets/${draft}/publish`, { version: 1 })
  await expectSame(6)

  await admin('POST', `/v1/assets/${twin}/restore`)
  await admin('POST', `/v1/assets/${assets[0]}/erase`, { reason: 'test' })
  await admin('POST', `${renditions}/shop-web/renditions/card/backfill`)
  await expectSame(6)

  // Told of long ago, and of what came in between now.
  await admin('POST', `${renditions}/shop-web/renditions/card/rollback`, {})
  await expectSame(6)
})
