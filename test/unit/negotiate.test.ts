import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acceptableFormats } from '../../src/deliver/negotiate.ts'
import { FORMATS, type Format } from '../../src/model/recipe.ts'

const HERO: readonly Format[] = ['avif', 'webp', 'jpeg']
const CHROME = 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8'
const FIREFOX = 'image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5'
const SAFARI_13 = 'image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5'

test.each([
  ['nothing said', HERO, undefined, ['jpeg']],
  ['curl', HERO, '*/*', ['jpeg']],
  ['Chrome', HERO, CHROME, ['avif', 'webp', 'jpeg']],
  ['Firefox', HERO, FIREFOX, ['avif', 'webp', 'jpeg']],
  ['Safari 13', HERO, SAFARI_13, ['jpeg']],
  ['a program that asks for somebody else', HERO, 'application/json', ['avif', 'webp', 'jpeg']],
  ['a problem reader', HERO, 'application/problem+json', ['avif', 'webp', 'jpeg']],
  ['only WebP', HERO, 'image/webp', ['webp']],
  ['no AVIF', HERO, 'image/avif;q=0, image/webp, */*', ['webp', 'jpeg']],
  ['no AVIF, spelled out', HERO, 'image/avif; q=0.000 , image/webp, */*', ['webp', 'jpeg']],
  ['a little AVIF', HERO, 'image/avif;q=0.001, */*', ['avif', 'jpeg']],
  ['capitals', HERO, 'IMAGE/AVIF, */*', ['avif', 'jpeg']],
  ['longer names', HERO, 'image/avif-sequence, image/jpeg2000', []],
  ['longer names beside the name', HERO, 'image/avif-sequence, image/avif', ['avif']],
  ['parameters', HERO, 'image/webp;profile=x;q=0.5', ['webp']],
  ['something else', HERO, 'text/html', []],
  ['another picture', HERO, 'image/png', []],
  ['a page', HERO, 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', ['jpeg']],
  ['PNG and JPEG in the order of the product', ['png', 'jpeg'], '*/*', ['png', 'jpeg']],
  ['what moves, for a browser', ['webp', 'gif', 'avif'], CHROME, ['webp', 'avif', 'gif']],
  ['what moves, for the rest', ['webp', 'gif', 'jpeg'], SAFARI_13, ['gif', 'jpeg']],
  ['only modern formats, and no word of them', ['avif', 'webp'], '*/*', ['avif', 'webp']],
  ['an empty header', HERO, '', []],
] as const)('%s', (_who, formats, accept, expected) => {
  expect(acceptableFormats(formats, accept)).toEqual(expected)
})

describe('whatever is sent', () => {
  const formats = fc.uniqueArray(fc.constantFrom(...FORMATS), { minLength: 1 })
  const accept = fc.oneof(
    fc.string(),
    fc
      .array(
        fc.constantFrom(
          'image/avif',
          'image/webp',
          'image/jpeg',
          'image/png',
          'image/*',
          '*/*',
          'text/html',
          ';q=0',
          ';q=0.5',
          ', ',
          ' ',
        ),
      )
      .map(parts => parts.join('')),
  )

  test('the answer is among the formats, each once', () => {
    fc.assert(
      fc.property(formats, fc.option(accept, { nil: undefined }), (offered, header) => {
        const chosen = acceptableFormats(offered, header)
        expect(new Set(chosen).size).toBe(chosen.length)
        for (const format of chosen) expect(offered).toContain(format)
      }),
    )
  })

  test('a format refused by name is not chosen before one that is not refused', () => {
    fc.assert(
      fc.property(formats, offered => {
        const header = 'image/avif;q=0, image/webp;q=0, */*'
        const fallback = offered.filter(format => format === 'jpeg' || format === 'png' || format === 'gif')
        if (fallback.length > 0) expect(acceptableFormats(offered, header)).toEqual(fallback)
      }),
    )
  })

  test('there are few answers, so that a cache needs few variants', () => {
    const variants = new Set<string>()
    fc.assert(fc.property(accept, header => void variants.add(acceptableFormats(HERO, `${header}, */*`)[0] ?? 'none')))
    expect(variants.size).toBeLessThanOrEqual(3)
  })
})
