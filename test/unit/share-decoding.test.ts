/** Decoding once for several targets gives the bytes that decoding for each would have given. */
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { chainTree, shareDecoding } from '../../src/transform/chain-tree.ts'
import { gradient, photo, storedAs } from '../support/images.ts'
import { execute, planNodes } from '../support/render.ts'

const SIZE = { width: 1200, height: 900 }
const noisy = async () => sharp(await photo(SIZE))

const SOURCES: Readonly<Record<string, () => Promise<Buffer>>> = {
  'a JPEG': () => photo(SIZE),
  'a JPEG on its side': async () => (await storedAs(await noisy(), 6)).jpeg().toBuffer(),
  'a JPEG with odd sides': () => photo({ width: 1201, height: 899 }),
  'a grey JPEG': async () => (await noisy()).grayscale().jpeg().toBuffer(),
  'a CMYK JPEG': async () => (await noisy()).toColourspace('cmyk').jpeg().toBuffer(),
  'a PNG': async () => (await noisy()).png().toBuffer(),
  'a PNG with alpha': async () => (await noisy()).ensureAlpha(0.4).png().toBuffer(),
  'a PNG of 16 bits': () => gradient(SIZE).toColourspace('rgb16').png().toBuffer(),
  'a PNG with a palette': async () => (await noisy()).png({ palette: true }).toBuffer(),
  'a WebP': async () => (await noisy()).webp().toBuffer(),
  'Display P3': async () => (await noisy()).withIccProfile('p3').jpeg().toBuffer(),
}

test.each(Object.keys(SOURCES))('%s', async name => {
  const bytes = await SOURCES[name]!()
  const recipes = [60, 300, 500, 777, 1100, 2000].map(width => ({ resize: { width }, formats: ['png'] }))
  const nodes = await planNodes(bytes, [...recipes, { crop: { width: 100, height: 50 }, formats: ['png'] }])
  const together = (await execute(bytes, nodes)).done
  for (const node of nodes) {
    const alone = (await execute(bytes, [node])).done.get(node.key)
    expect(together.get(node.key)?.sha256, `${node.width} wide`).toBe(alone?.sha256)
  }
})

test('is one root where there were several, and every task is still there once', async () => {
  const bytes = await photo(SIZE)
  const nodes = await planNodes(
    bytes,
    [100, 400, 800, 1200].map(width => ({ resize: { width }, formats: ['jpeg', 'png'] })),
  )
  const roots = chainTree(nodes.map(({ key, chain }) => ({ id: key, chain })))
  expect(roots).toHaveLength(4)
  const shared = shareDecoding(roots)
  expect(shared).toHaveLength(1)
  expect([...(shared[0]?.ids ?? [])].sort()).toEqual(nodes.map(({ key }) => key).sort())
  expect(shared[0]?.branches).toHaveLength(3)
  expect(shared[0]?.leaves).toHaveLength(2)
  expect(shareDecoding(shared)).toEqual(shared)
})
