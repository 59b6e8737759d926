/** What tells of a place or a person leaves with a derivative only where the matrix allows it, and no longer than it does. */
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wishesFor } from '../../src/graph/wishes.ts'
import { listRenditions } from '../../src/manifest/renditions.ts'
import { probeImage } from '../../src/transform/probe.ts'
import { query } from '../faults/intact.ts'
import { tellingExif, walkExif, withBlocks } from '../support/exif.ts'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
})
afterAll(() => system.close())

const RENDITION = '/v1/collections/product-photo/products/shop-web/renditions/telling'
const GRANT = '/v1/collections/product-photo/grants/shop-web'
const grant = (edge: object) =>
  send('PUT', GRANT, { key: ADMIN_KEY, body: { role: 'owner', original_access: true, ...edge } })
const name = (metadata: string, key: string = system.keys['shop-web']) =>
  send('PUT', RENDITION, { key, body: { recipe: { resize: { width: 90 }, metadata, formats: ['jpeg'] } } })
const telling = async (): Promise<Buffer> =>
  withBlocks(await photo({ width: 300, height: 200 }), { exif: tellingExif() })

describe('an edge that does not allow it', () => {
  test('is the ordinary one, and a rendition that asks is refused, whoever names it', async () => {
    expect(await expectJson(send('GET', GRANT, { key: ADMIN_KEY }), 200)).toMatchObject({ private_metadata: false })
    for (const key of [system.keys['shop-web'], ADMIN_KEY]) {
      const problem = await expectRefusal(name('all', key), 403, 'forbidden')
      expect(problem.reasons).toEqual(['private-metadata-closed'])
    }
    await expectJson(name('all-but-private'), 201)
  })
})

describe('an edge that allows it', () => {
  test('lets the place through, in that rendition alone', async () => {
    expect(await expectJson(grant({ private_metadata: true, delivery: 'stream' }), 200)).toMatchObject({
      private_metadata: true,
    })
    await expectJson(name('all'), 201)
    const { asset } = await system.upload(await telling())
    await settled(system)
    const tagsOf = async (file: string): Promise<string[]> => {
      const options = { key: system.keys['shop-web'], headers: { Prefer: 'wait=10' } }
      const response = await send('GET', `/i/shop-web/${asset}/v1/${file}`, options)
      expect(response.status).toBe(200)
      return [...walkExif((await sharp(Buffer.from(await response.arrayBuffer())).metadata()).exif).tags.keys()]
    }
    expect(await tagsOf('telling.jpg')).toEqual(expect.arrayContaining(['place/2', 'photo/a431']))
    expect(await tagsOf('card.jpg')).toEqual([])
  })

  test('is not taken back while a rendition uses it', async () => {
    const problem = await expectRefusal(grant({}), 409, 'conflict')
    expect(problem.renditions).toEqual(['telling'])
    await expectJson(name('copyright'), 201)
    expect(await expectJson(grant({}), 200)).toMatchObject({ private_metadata: false })
  })

  test('and what is planned without it is refused', async () => {
    await expectJson(grant({ private_metadata: true }), 200)
    await expectJson(name('all'), 201)
    // Nothing but a hand in the database comes here: the matrix refuses it.
    await query(system.core, `update edge set private_metadata = false where product_id = 'shop-web'`)
    const renditions = await listRenditions(system.core.database, 'demo', 'product-photo')
    const bytes = await telling()
    const image = await probeImage(bytes, bytes.length)
    const { leaves, nodes } = wishesFor(
      renditions.filter(rendition => rendition.name === 'telling'),
      { sha256: 'ab', image },
      { lane: 'eager' },
    )
    expect(nodes).toEqual([])
    expect(leaves).toMatchObject([{ format: 'jpeg', refusal: { code: 'private-metadata' } }])
  })
})
