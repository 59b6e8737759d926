/**
 * What a collection asks of originals before it takes them in, by whichever entrance they come. It is asked of what comes: what is
 * there already stays as it is. All that is broken is told at once, each by the name of its rule.
 */

import type { AliasName } from './alias.ts'
import { type Attributes, valueAt } from './attributes.ts'
import { isOfType } from './conditions.ts'
import type { Violation } from './errors.ts'
import { type ImageFacts, moves, uprightSize } from './original.ts'
import type { Trust } from './source.ts'

/** What senders may leave out, and a collection may insist on: the first three of a new asset, EXIF of every image. */
export const REQUIRABLE = ['alias', 'labels', 'filename', 'copyright', 'artist'] as const
export type Requirable = (typeof REQUIRABLE)[number]

/** As it is written, shown and stored. Absent: not asked. Sides and shape are of an image as a person sees it. */
export interface CollectionRules {
  /** `image/png`, `image/*`. */
  readonly media_types?: readonly string[] | undefined
  readonly max_bytes?: number | undefined
  readonly min_width?: number | undefined
  readonly min_height?: number | undefined
  readonly max_width?: number | undefined
  readonly max_height?: number | undefined
  /** Width times height of one frame. */
  readonly max_pixels?: number | undefined
  readonly max_frames?: number | undefined
  /** Width by height. */
  readonly min_aspect?: number | undefined
  readonly max_aspect?: number | undefined
  /** An alias begins with one of these. */
  readonly alias_prefixes?: readonly string[] | undefined
  /** Names in other systems are in one of these namespaces. */
  readonly alias_namespaces?: readonly string[] | undefined
  /** How far the entrance, or the source behind it, is trusted at least. */
  readonly min_trust?: Trust | undefined
  readonly required?: readonly Requirable[] | undefined
  /** Of a new asset, by their paths: `seo.title`. */
  readonly required_attributes?: readonly string[] | undefined
  /** Nothing of it is shown or made before scanners have called it clean. Asked of them, and so after the upload. */
  readonly scan?: boolean | undefined
}

type Asked = keyof CollectionRules
/** One thing that is asked: what it is about, whether it is so, and what would be. */
type Check = readonly [rule: Asked, pointer: string, isKept: boolean, message: string]

const brokenOf = (rules: CollectionRules, checks: readonly Check[]): readonly Violation[] =>
  checks.flatMap(([rule, pointer, isKept, message]) =>
    rules[rule] === undefined || isKept ? [] : [{ pointer, rule, message }],
  )

/** Absent limits are broken by nothing, and asked of nobody. */
const atMost = (limit: number | undefined, value: number): boolean => value <= (limit ?? value)
const atLeast = (limit: number | undefined, value: number): boolean => value >= (limit ?? value)
const has = ({ required = [] }: CollectionRules, name: Requirable, value: unknown): boolean =>
  !required.includes(name) || value !== undefined

export interface NamesOfNew {
  readonly alias: string | undefined
  readonly labels: readonly string[]
  readonly attributes?: Attributes | undefined
}

/** Of a new asset, before its bytes are read. */
export const brokenByNames = (
  rules: CollectionRules,
  { alias, labels, attributes = {} }: NamesOfNew,
): readonly Violation[] => {
  const { alias_prefixes: prefixes = [] } = rules
  const isNamed = alias === undefined || prefixes.some(prefix => alias.startsWith(prefix))
  const broken = brokenOf(rules, [
    ['alias_prefixes', 'alias', isNamed, `The alias begins with ${prefixes.join(' or ')}.`],
    ['required', 'alias', has(rules, 'alias', alias), 'An alias is required.'],
    ['required', 'labels', has(rules, 'labels', labels[0]), 'Labels are required.'],
  ])
  const missing = (rules.required_attributes ?? []).filter(path => valueAt(attributes, path) === undefined)
  const lacks = missing.map(path => ({
    pointer: `/attributes/${path.replaceAll('.', '/')}`,
    rule: 'required_attributes',
    message: 'The attribute is required.',
  }))
  return [...broken, ...lacks]
}

/** Of where it comes from, before its bytes are read. */
export const brokenByTrust = (rules: CollectionRules, trust: Trust): readonly Violation[] =>
  brokenOf(rules, [
    ['min_trust', 'trust', atLeast(rules.min_trust, trust), `Trusted ${trust}; at least ${rules.min_trust}.`],
  ])

/** Of names in other systems, whenever they are given. */
export const brokenByAliases = (rules: CollectionRules, aliases: readonly AliasName[]): readonly Violation[] => {
  const { alias_namespaces: namespaces = [] } = rules
  const others = [...new Set(aliases.map(({ namespace }) => namespace))].filter(name => !namespaces.includes(name))
  return brokenOf(rules, [
    ['alias_namespaces', 'aliases', others.length === 0, `Not in ${others.join(', ')}; in ${namespaces.join(', ')}.`],
  ])
}

/** 3:2 as 1.5 is 1.497 of 500 by 334 pixels. */
const ASPECT_SLACK = 0.005

const ofImage = (rules: CollectionRules, image: ImageFacts): readonly Check[] => {
  const { width, height } = uprightSize(image)
  const { copyright, artist } = image.credit
  const frames = moves(image) ? image.frames : 1
  const aspect = width / height
  const shape = `Width by height is ${aspect.toFixed(3)}`
  return [
    ['min_width', 'width', atLeast(rules.min_width, width), `${width} pixels wide; at least ${rules.min_width}.`],
    ['max_width', 'width', atMost(rules.max_width, width), `${width} pixels wide; at most ${rules.max_width}.`],
    ['min_height', 'height', atLeast(rules.min_height, height), `${height} pixels high; at least ${rules.min_height}.`],
    ['max_height', 'height', atMost(rules.max_height, height), `${height} pixels high; at most ${rules.max_height}.`],
    ['max_pixels', 'pixels', atMost(rules.max_pixels, width * height), `At most ${rules.max_pixels} pixels.`],
    ['max_frames', 'frames', atMost(rules.max_frames, frames), `${frames} frames; at most ${rules.max_frames}.`],
    [
      'min_aspect',
      'aspect',
      atLeast(rules.min_aspect, aspect + ASPECT_SLACK),
      `${shape}; at least ${rules.min_aspect}.`,
    ],
    ['max_aspect', 'aspect', atMost(rules.max_aspect, aspect - ASPECT_SLACK), `${shape}; at most ${rules.max_aspect}.`],
    ['required', 'copyright', has(rules, 'copyright', copyright), 'The EXIF of the image names no copyright.'],
    ['required', 'artist', has(rules, 'artist', artist), 'The EXIF of the image names no artist.'],
  ]
}

const OF_IMAGES = /^(?:min|max)_(?:width|height|pixels|frames|aspect)$/

const asksForImage = (rules: CollectionRules): boolean =>
  Object.keys(rules).some(name => OF_IMAGES.test(name)) ||
  rules.required?.some(name => name === 'copyright' || name === 'artist') === true

export interface Content {
  readonly bytes: number
  readonly mediaType: string
  readonly image: ImageFacts | undefined
  readonly filename: string | undefined
}

/** Of content, once it is known what it is. What asks for pixels is broken by what has none to be measured. */
export const brokenByContent = (
  rules: CollectionRules,
  { bytes, mediaType, image, filename }: Content,
): readonly Violation[] => {
  const { media_types: types = [] } = rules
  const broken = brokenOf(rules, [
    ['media_types', 'media_type', isOfType(mediaType, types), `${mediaType}; one of ${types.join(', ')}.`],
    ['max_bytes', 'bytes', atMost(rules.max_bytes, bytes), `${bytes} bytes; at most ${rules.max_bytes}.`],
    ['required', 'filename', has(rules, 'filename', filename), 'A file name is required.'],
    ...(image === undefined ? [] : ofImage(rules, image)),
  ])
  if (image !== undefined || !asksForImage(rules)) return broken
  return [...broken, { pointer: 'media_type', rule: 'image', message: 'An image that can be measured is required.' }]
}
