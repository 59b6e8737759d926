/** Operations through the whole system: asked for by products, made by a worker, looked at by whoever resolves. */
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { paint } from '../support/images.ts'
import { type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let asset: string

const path = (rendition: string): string => `/v1/collections/product-photo/products/mobile/renditions/${rendition}`
const put = (rendition: string, recipe: object) =>
  send('PUT', path(rendition), { key: system.keys.mobile, body: { recipe } })

const RENDITIONS: Readonly<Record<string, { recipe: object; size: readonly number[]; hasAlpha?: boolean }>> = {
  trimmed: { recipe: { trim: {}, formats: ['png'] }, size: [300, 200] },
  avatar: {
    recipe: { trim: {}, resize: { w: 64, h: 64, fit: 'cover', gravity: 'attention' }, round: 'max', formats: ['webp'] },
    size: [64, 64],
    hasAlpha: true,
  },
  turned: {
    recipe: { resize: { w: 100 }, rotate: { angle: 90 }, blur: 2, grayscale: true, formats: ['jpeg'] },
    size: [80, 100],
  },
  wide: {
    recipe: { crop: { ratio: '2:1', gravity: 'entropy' }, resize: { w: 120 }, formats: ['webp'] },
    size: [120, 60],
  },
}

beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  for (const [name, { recipe }] of Object.entries(RENDITIONS)) await expectJson(put(name, recipe), 201)
  await expectJson(put('corner', { trim: {}, crop: { left: 350, width: 9, height: 9 }, formats: ['jpeg'] }), 201)
  const picture = paint({ width: 500, height: 400 }, (x, y) =>
    x >= 100 && x < 400 && y >= 100 && y < 300 ? [x % 200, y % 200, 40] : [255, 255, 255],
  )
  asset = (await system.upload(await picture.png().toBuffer())).asset
  await settled(system)
})
afterAll(() => system.close())

test.each(Object.entries(RENDITIONS))('%s is what was asked for', async (rendition, { size, hasAlpha = false }) => {
  const url = `/v1/products/mobile/assets/${asset}/renditions/${rendition}?version=1`
  const key = system.keys.mobile
  const answer = await expectJson(send('GET', `${url}&delivery=json`, { key }), 200)
  expect(answer).toMatchObject({ width: size[0], height: size[1] })
  const bytes = Buffer.from(await (await send('GET', `${url}&delivery=stream`, { key })).arrayBuffer())
  const meta = await sharp(bytes).metadata()
  expect([meta.width, meta.height, meta.hasAlpha]).toEqual([...size, hasAlpha])
})

test('what a trim leaves too little for is a failed rendition, as where a plan would have known', async () => {
  const url = `/v1/products/mobile/assets/${asset}/renditions/corner?version=1`
  const problem = await expectRefusal(send('GET', url, { key: system.keys.mobile }), 424, 'rendition-failed')
  expect(problem).toMatchObject({ class: 'crop-outside' })
})

test('what is out of range is refused with its pointer', async () => {
  const asked = put('odd', { blur: 101, rotate: { angle: 400 }, crop: { ratio: '1/2' }, formats: ['webp'] })
  const problem = await expectRefusal(asked, 422, 'invalid-recipe')
  expect(JSON.stringify(problem)).toContain('/blur')
  expect(JSON.stringify(problem)).toContain('/rotate/angle')
  expect(JSON.stringify(problem)).toContain('/crop/ratio')
})
