/** Photographs from a folder, or pictures that cost about as much: detail at several scales over gradients, as a camera would save them. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

export interface Photo {
  readonly name: string
  readonly bytes: Buffer
}

export const readPhotos = async (folder: string | undefined): Promise<Photo[]> => {
  if (folder === undefined) return Promise.all(SIZES.map(generate))
  const names = (await readdir(folder)).filter(name => /\.jpe?g$/i.test(name)).sort()
  if (names.length === 0) throw new Error(`There is no JPEG in ${folder}`)
  return Promise.all(names.map(async name => ({ name, bytes: await readFile(join(folder, name)) })))
}

const SIZES = [
  [3000, 2000],
  [4000, 3000],
] as const

const generate = async ([width, height]: (typeof SIZES)[number]): Promise<Photo> => {
  const layer = (shrink: number, sigma: number) =>
    sharp({
      create: {
        width: Math.ceil(width / shrink),
        height: Math.ceil(height / shrink),
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma },
      },
    })
      .resize(width, height, { fit: 'fill' })
      .png({ compressionLevel: 0 })
      .toBuffer()
  const [coarse, middle, fine] = await Promise.all([layer(400, 60), layer(20, 40), layer(2, 20)])
  const bytes = await sharp(coarse)
    .composite([
      { input: middle, blend: 'soft-light' },
      { input: fine, blend: 'soft-light' },
    ])
    .withIccProfile('srgb')
    .jpeg({ quality: 92 })
    .toBuffer()
  return { name: `generated-${Math.round((width * height) / 1e6)}mp`, bytes }
}
