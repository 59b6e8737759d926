import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRecipe } from '../../src/graph/recipe.ts'
import {
  AD_HOC_KEYS,
  DEFAULT_LADDER,
  MAX_AD_HOC_SIDE,
  MOST_OF_AVIF,
  readOperations,
  snapOperations,
} from '../../src/model/ad-hoc.ts'
import {
  canonicalDeliveryPath,
  type DeliveryPath,
  DPRS,
  isPathProblem,
  leafNameOf,
  readDeliveryPath,
  writeDeliveryPath,
} from '../../src/model/delivery-path.ts'
import { FORMATS } from '../../src/model/recipe.ts'
import { MAX_SIDE, OUTPUT_LIMITS } from '../../src/ops/limits.ts'
import { SIGNABLE_PATH } from '../../src/policy/signature.ts'

interface Named {
  readonly about: string
  readonly path: string
}

interface Published {
  readonly canonical: readonly (Named & {
    readonly asked: Omit<DeliveryPath, 'version'> & { readonly version: number | null }
  })[]
  readonly folded: readonly (Named & { readonly canonical: string })[]
  readonly absent: readonly Named[]
  readonly refused: readonly (Named & { readonly key: string })[]
  readonly snapped: {
    readonly ladder: readonly number[]
    readonly accepted: readonly { about: string; operations: string; snapped: string }[]
    readonly refused: readonly { about: string; operations: string; key: string }[]
  }
}
const published: Published = JSON.parse(
  readFileSync(new URL('../vectors/delivery-paths.json', import.meta.url), 'utf8'),
)

describe('published vectors', () => {
  test.each(published.canonical)('canonical: $about', ({ path, asked }) => {
    const read = canonicalDeliveryPath(path)
    expect(read).toEqual({
      path,
      asked: { dpr: undefined, seoName: undefined, ...asked, version: asked.version ?? undefined },
    })
    expect(writeDeliveryPath({ ...asked, version: asked.version ?? undefined })).toBe(path)
    expect(path).toMatch(SIGNABLE_PATH)
    expect(new URL(path, 'http://host').pathname).toBe(path)
  })

  test.each(published.folded)('folded: $about', ({ path, canonical }) => {
    expect(canonicalDeliveryPath(path)).toEqual({ path: canonical, asked: readDeliveryPath(canonical) })
    expect(canonicalDeliveryPath(canonical)).toMatchObject({ path: canonical })
  })

  test.each(published.absent)('absent: $about', ({ path }) => {
    expect(canonicalDeliveryPath(path)).toMatchObject({ key: undefined, detail: expect.any(String) })
    expect(readDeliveryPath(path)).toBeUndefined()
  })

  test.each(published.refused)('refused: $about', ({ path, key }) => {
    expect(canonicalDeliveryPath(path)).toMatchObject({ key, detail: expect.any(String) })
    expect(readDeliveryPath(path)).toBeUndefined()
  })

  const { ladder, accepted, refused } = published.snapped
  test.each(accepted)('snapped: $about', ({ operations, snapped }) => {
    expect(snapOperations(operations, ladder)).toEqual({ text: snapped })
    expect(snapOperations(snapped, ladder)).toEqual({ text: snapped })
  })
  test.each(refused)('not on the ladder: $about', ({ operations, key }) => {
    expect(snapOperations(operations, ladder)).toMatchObject({ key })
  })
})

const ASSET = '01936f3e-8c1a-7c4e-9b0d-3f1f5a0b6c11'
const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,39}$/).filter(text => text !== 'original')
const seoName = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/)
const format = fc.constantFrom('auto' as const, ...FORMATS)
const place = {
  product: name,
  asset: fc.uuid({ version: 7 }),
  version: fc.option(fc.integer({ min: 1, max: 999_999_999 }), { nil: undefined }),
  format,
  seoName: fc.option(seoName, { nil: undefined }),
}
const rendition = fc.record({
  ...place,
  rendition: name,
  dpr: fc.option(fc.constantFrom(...DPRS), { nil: undefined }),
})

/** One value of every key, canonical or not; what fits together is for the reader to say. */
const VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  ar: fc.tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 })).map(terms => terms.join('x')),
  b: fc.stringMatching(/^(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$/),
  blur: fc.integer({ min: 0, max: 1000 }).map(tenths => String(tenths / 10)),
  c: fc.constantFrom('cover', 'contain', 'inside', 'outside', 'fill'),
  flip: fc.constantFrom('none', 'horizontal', 'vertical', 'both'),
  g: fc.constantFrom('centre', 'center', 'north', 'southwest', 'attention', 'entropy', '0.5x0.250'),
  grayscale: fc.constant(''),
  h: fc.integer({ min: 1, max: 4096 }).map(String),
  q: fc.integer({ min: 1, max: 100 }).map(quality => String(quality).padStart(3, '0')),
  rotate: fc.constantFrom('0', '90', '180', '270'),
  sharpen: fc.integer({ min: 0, max: 100 }).map(tenths => String(tenths / 10)),
  w: fc.integer({ min: 1, max: 4096 }).map(width => `0${width}`),
}
const token = fc
  .constantFrom(...AD_HOC_KEYS)
  .chain(key => (VALUES[key] as fc.Arbitrary<string>).map(value => (value === '' ? key : `${key}_${value}`)))
const tokens = fc.uniqueArray(token, { minLength: 1, maxLength: 12, selector: text => text.split('_')[0] })
const stages = fc.array(tokens, { minLength: 1, maxLength: 4 })
const textOf = (all: readonly (readonly string[])[]) => all.map(stage => stage.join(',')).join('/-/')

describe('one spelling', () => {
  test('what is written of a rendition is read as it was, and is canonical', () => {
    fc.assert(
      fc.property(rendition, asked => {
        const path = writeDeliveryPath(asked)
        expect(canonicalDeliveryPath(path)).toEqual({ path, asked })
        expect(path).toMatch(SIGNABLE_PATH)
      }),
    )
  })

  test('every order of keys has one canonical form, which stays as it is', () => {
    let accepted = 0
    const orders = stages.chain(all =>
      fc.record({
        all: fc.constant(all),
        other: fc.tuple(...all.map(stage => fc.shuffledSubarray(stage, { minLength: stage.length }))),
        format,
      }),
    )
    fc.assert(
      fc.property(orders, ({ all, other, format }) => {
        const read = readOperations(textOf(all), format)
        const again = readOperations(textOf(other), format)
        expect('text' in again).toBe('text' in read)
        if (!('text' in read)) return
        accepted++
        expect(again).toEqual(read)
        expect(readOperations(read.text, format)).toEqual(read)
        const extension = format === 'jpeg' ? 'jpg' : format
        const path = `/i/shop-web/${ASSET}/v7/x/${read.text}.${extension}`
        expect(canonicalDeliveryPath(path)).toMatchObject({ path })
        expect(canonicalDeliveryPath(path.replace(read.text, textOf(other)))).toMatchObject({ path })
      }),
      { numRuns: 2_000 },
    )
    expect(accepted).toBeGreaterThan(50)
  })

  test('whatever is sent, what it is folded to is canonical', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 8 }),
      token,
      fc.constantFrom('/', '/-/', '@2x', '.jpeg', '%2C', ',', 'x/'),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), parts => {
        const read = canonicalDeliveryPath(`/i/shop-web/${ASSET}/v1/${parts.join('')}`)
        if (isPathProblem(read)) return
        expect(canonicalDeliveryPath(read.path)).toEqual(read)
        expect(writeDeliveryPath(read.asked)).toBe(read.path)
      }),
      { numRuns: 2_000 },
    )
  })

  test('every width comes to a side of the ladder, of which there are few', () => {
    const made = new Set<string>()
    for (let width = 1; width <= 3840; width++) {
      const snapped = snapOperations(`w_${width}`, DEFAULT_LADDER)
      if ('text' in snapped) made.add(snapped.text)
    }
    expect(made.size).toBe(DEFAULT_LADDER.length)
    expect(DEFAULT_LADDER).toEqual([...DEFAULT_LADDER].sort((a, b) => a - b))
    expect(snapOperations('w_3841', DEFAULT_LADDER)).toMatchObject({ key: 'w' })
  })
})

test('a variant has a leaf of its own, and what is in front of it has not', () => {
  expect(leafNameOf({ rendition: 'card', dpr: 2 })).toBe('card@2x')
  expect(leafNameOf({ rendition: 'card', dpr: undefined })).toBe('card')
})

test('sides go as far as those of a recipe', () => {
  expect(MAX_AD_HOC_SIDE).toBe(MAX_SIDE)
  expect(OUTPUT_LIMITS.avif).toMatchObject(MOST_OF_AVIF)
  expect(() => parseRecipe({ resize: { w: MAX_AD_HOC_SIDE }, formats: ['jpeg'] })).not.toThrow()
})
