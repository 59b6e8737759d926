/** What a gateway says that it can do, and that it does it: each format through the whole system, moving ones moving. */
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SOURCE_FORMATS } from '../../src/model/original.ts'
import { FORMATS } from '../../src/model/recipe.ts'
import { OPERATION_NAMES } from '../../src/ops/registry.ts'
import { probeEngine } from '../../src/transform/capabilities.ts'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { animation } from '../support/images.ts'
import { type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
})
afterAll(() => system.close())

interface Capabilities {
  readonly engine: { readonly line: string; readonly versions: Record<string, string> }
  readonly input: { readonly formats: readonly string[]; readonly limits: Record<string, number> }
  readonly output: readonly {
    readonly format: string
    readonly animated: boolean
    readonly limits: Record<string, number>
    readonly parameters: readonly { parameter: string; values: string }[]
  }[]
  readonly operations: readonly { operation: string; parameters: readonly object[] }[]
}
const ask = () => expectJson<Capabilities>(send('GET', '/v1/capabilities', { key: system.keys.mobile }), 200)

test('needs a key', () => expectRefusal(send('GET', '/v1/capabilities'), 401, 'unauthenticated'))

test('names formats, limits, operations and the engine', async () => {
  const { engine, input, output, operations } = await ask()
  expect([...input.formats].sort()).toEqual([...SOURCE_FORMATS].sort())
  expect(output.map(({ format }) => format).sort()).toEqual([...FORMATS].sort())
  expect(output.filter(({ animated }) => animated).map(({ format }) => format)).toEqual(['webp', 'gif'])
  expect(output.find(({ format }) => format === 'avif')?.limits).toMatchObject({ side: 2048, pixels: 4_000_000 })
  const quality = output.find(({ format }) => format === 'jpeg')?.parameters.find(row => row.parameter === 'quality')
  expect(quality).toMatchObject({ values: '1 to 100', default: '80' })
  expect(operations.map(({ operation }) => operation)).toEqual(OPERATION_NAMES)
  expect(engine.line).toMatch(/^vips8\.18\//)
  expect(engine.versions.libvips).toMatch(/^8\.18\./)
  expect(input.limits).toMatchObject({ frames: 200, pixels_of_all_frames: 50_000_000 })
})

test('says what works and not what was built in', async () => {
  const operation = ['VipsForeignSaveWebp', 'VipsForeignLoadTiff']
  sharp.block({ operation })
  try {
    const { reads, writes } = await probeEngine()
    expect(writes).toEqual(['jpeg', 'png', 'avif', 'gif'])
    expect(reads).not.toContain('tiff')
    expect(reads).not.toContain('webp')
  } finally {
    sharp.unblock({ operation })
  }
  expect((await probeEngine()).writes).toContain('webp')
})

test('a picture that moves is delivered moving where it can, and still where it cannot', async () => {
  const recipe = { resize: { width: 32 }, formats: ['avif', 'webp', 'gif', 'jpeg'] }
  const path = '/v1/collections/product-photo/products/mobile/renditions/clip'
  await expectJson(send('PUT', path, { key: system.keys.mobile, body: { recipe } }), 201)
  const { asset } = await system.upload(await animation('gif', { count: 4 }))
  await settled(system)
  const deliver = async (extension: string, accept?: string) => {
    const headers: Record<string, string> = accept === undefined ? {} : { Accept: accept }
    const url = `/v1/products/mobile/assets/${asset}/renditions/clip?version=1&delivery=stream&format=${extension}`
    const response = await send('GET', url, { key: system.keys.mobile, headers })
    expect(response.status, extension).toBe(200)
    const bytes = Buffer.from(await response.arrayBuffer())
    const { pages = 1, width, height, pageHeight = height } = await sharp(bytes, { pages: -1 }).metadata()
    return { type: response.headers.get('content-type'), pages, width, height: pageHeight }
  }
  const size = { width: 32, height: 24 }
  expect(await deliver('gif')).toEqual({ type: 'image/gif', pages: 4, ...size })
  expect(await deliver('webp')).toEqual({ type: 'image/webp', pages: 4, ...size })
  expect(await deliver('jpeg')).toEqual({ type: 'image/jpeg', pages: 1, ...size })
  expect(await deliver('avif')).toEqual({ type: 'image/avif', pages: 1, ...size })
  const browser = 'image/avif,image/webp,image/apng,image/*,*/*;q=0.8'
  expect(await deliver('auto', browser)).toMatchObject({ type: 'image/webp', pages: 4 })
  expect(await deliver('auto', '*/*')).toMatchObject({ type: 'image/gif', pages: 4 })
  const still = await system.upload(
    await sharp(await animation('gif', { count: 4 }))
      .png()
      .toBuffer(),
  )
  await settled(system)
  const url = `/v1/products/mobile/assets/${still.asset}/renditions/clip?version=1&delivery=stream`
  const answer = await send('GET', url, { key: system.keys.mobile, headers: { Accept: browser } })
  expect(answer.headers.get('content-type')).toBe('image/avif')
})

test('what cannot be made small enough is a failed rendition that says so', async () => {
  const path = '/v1/collections/product-photo/products/mobile/renditions/tiny'
  const recipe = { resize: { width: 60 }, formats: [{ format: 'jpeg', maxBytes: 100 }] }
  await expectJson(send('PUT', path, { key: system.keys.mobile, body: { recipe } }), 201)
  const { asset } = await system.upload(await animation('webp', { count: 2 }))
  await settled(system)
  const url = `/v1/products/mobile/assets/${asset}/renditions/tiny?version=1`
  const problem = await expectRefusal(send('GET', url, { key: system.keys.mobile }), 424, 'rendition-failed')
  expect(problem).toMatchObject({ class: 'output-too-large' })
})
