/** Each rule on both sides of its limit, by its name. */
import { describe, expect, test } from 'vitest'
import {
  brokenByContent,
  brokenByNames,
  brokenByTrust,
  type CollectionRules,
  type Content,
} from '../../src/model/collection-rules.ts'
import type { ImageFacts } from '../../src/model/original.ts'

const IMAGE: ImageFacts = {
  format: 'jpeg',
  width: 1500,
  height: 1000,
  orientation: 1,
  frames: 1,
  hasAlpha: false,
  space: 'srgb',
  icc: 'none',
  credit: {},
}
const CONTENT: Content = { bytes: 5_000, mediaType: 'image/jpeg', image: IMAGE, filename: 'a.jpg' }
const told = (rules: CollectionRules, { image, ...more }: Partial<Omit<Content, 'image'>> & { image?: object } = {}) =>
  brokenByContent(rules, { ...CONTENT, ...more, image: { ...IMAGE, ...image } }).map(({ rule }) => rule)

describe('content', () => {
  test.each<[CollectionRules, Parameters<typeof told>[1], string[]]>([
    [{}, {}, []],
    [{ media_types: ['image/jpeg'] }, {}, []],
    [{ media_types: ['image/*'] }, {}, []],
    [{ media_types: ['image/png', 'video/*'] }, {}, ['media_types']],
    [{ max_bytes: 5_000 }, {}, []],
    [{ max_bytes: 4_999 }, {}, ['max_bytes']],
    [{ min_width: 1500, max_width: 1500, min_height: 1000, max_height: 1000 }, {}, []],
    [{ min_width: 1501 }, {}, ['min_width']],
    [{ max_width: 1499 }, {}, ['max_width']],
    [{ min_height: 1001 }, {}, ['min_height']],
    [{ max_height: 999 }, {}, ['max_height']],
    [{ max_pixels: 1_500_000 }, {}, []],
    [{ max_pixels: 1_499_999 }, {}, ['max_pixels']],
    [{ min_aspect: 1.5, max_aspect: 1.5 }, {}, []],
    [{ min_aspect: 1.5, max_aspect: 1.5 }, { image: { width: 500, height: 334 } }, []],
    [{ min_aspect: 1.51 }, {}, ['min_aspect']],
    [{ max_aspect: 1.49 }, {}, ['max_aspect']],
    [{ min_width: 1500 }, { image: { orientation: 6 } }, ['min_width']],
    [{ min_height: 1500, max_aspect: 0.67 }, { image: { orientation: 6 } }, []],
    [{ max_frames: 10 }, { image: { format: 'gif', frames: 10 } }, []],
    [{ max_frames: 10 }, { image: { format: 'gif', frames: 11 } }, ['max_frames']],
    [{ max_frames: 1 }, { image: { format: 'tiff', frames: 3 } }, []],
    [{ required: ['filename'] }, {}, []],
    [{ required: ['filename'] }, { filename: undefined }, ['required']],
    [{ required: ['copyright'] }, {}, ['required']],
    [{ required: ['copyright', 'artist'] }, { image: { credit: { copyright: '(c)', artist: 'A' } } }, []],
    [{ required: ['copyright', 'artist'] }, { image: { credit: { artist: 'A' } } }, ['required']],
    [{ max_bytes: 1, min_width: 9_999, media_types: ['a/b'] }, {}, ['media_types', 'max_bytes', 'min_width']],
  ])('%j of %j: %j', (rules, content, expected) => {
    expect(told(rules, content)).toEqual(expected)
  })

  test('what asks for pixels is broken by what has none, and by nothing else of it', () => {
    const text = { ...CONTENT, mediaType: 'text/plain', image: undefined }
    for (const rules of [{ min_width: 1 }, { max_frames: 9 }, { max_aspect: 2 }, { required: ['artist'] as const }])
      expect(brokenByContent(rules, text).map(({ rule }) => rule)).toEqual(['image'])
    for (const rules of [{}, { max_bytes: 5_000 }, { required: ['filename'] as const }])
      expect(brokenByContent(rules, text)).toEqual([])
  })
})

test.each<[CollectionRules, { alias?: string; labels?: string[] }, string[]]>([
  [{}, {}, []],
  [{ alias_prefixes: ['sku:', 'ean:'] }, {}, []],
  [{ alias_prefixes: ['sku:', 'ean:'] }, { alias: 'ean:40' }, []],
  [{ alias_prefixes: ['sku:', 'ean:'] }, { alias: 'SKU:40' }, ['alias_prefixes']],
  [{ required: ['alias'] }, { alias: 'x' }, []],
  [{ required: ['alias', 'labels'] }, {}, ['required', 'required']],
  [{ required: ['labels'] }, { labels: ['a'] }, []],
])('names: %j of %j: %j', (rules, { alias, labels = [] }, expected) => {
  expect(brokenByNames(rules, { alias, labels }).map(({ rule }) => rule)).toEqual(expected)
})

describe('trust', () => {
  test.each<[CollectionRules, 0 | 1 | 2 | 3, string[]]>([
    [{}, 0, []],
    [{ min_trust: 1 }, 0, ['min_trust']],
    [{ min_trust: 1 }, 1, []],
    [{ min_trust: 3 }, 2, ['min_trust']],
    [{ min_trust: 3 }, 3, []],
  ])('%j of %d: %j', (rules, trust, expected) => {
    expect(brokenByTrust(rules, trust).map(({ rule }) => rule)).toEqual(expected)
  })
})
