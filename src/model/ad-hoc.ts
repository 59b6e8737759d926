/**
 * Operations in a path, for pages whose sizes no rendition knows: `c_cover,h_300,w_400`, stages apart by `/-/`. The set is
 * closed, every wish has one spelling, and what only makes more variants (a quality of 81, a blur of 2.1) is rounded up to
 * steps. Sides are rounded up to a ladder too, which is the edge's own and therefore no part of the spelling
 * (`snapOperations`). Nothing here enlarges, and the first stage says a size, so that no path stands for the whole original.
 *
 * A stage runs in the fixed order of a recipe, whatever the order of its keys: a turn after the resize, `b` last.
 */
import type { Format } from './recipe.ts'

/** Sides that are made where an edge says nothing else: steps of at most a third. */
export const DEFAULT_LADDER: readonly number[] = [
  16, 24, 32, 48, 64, 96, 128, 160, 200, 256, 300, 320, 400, 480, 600, 640, 800, 960, 1200, 1280, 1600, 1920, 2400,
  2560, 3200, 3840,
]

/** As large as an output may be (ops/limits.ts). */
export const MAX_AD_HOC_SIDE = 4096
export const MOST_OF_AVIF = { side: 2048, pixels: 4_000_000 }
const MAX_STAGES = 4
const BETWEEN = '/-/'

export interface AdHocProblem {
  /** The key that is wrong. */
  readonly key: string
  readonly detail: string
}

/** Values by key, canonical; what has no effect is not there. */
export type AdHocStage = ReadonlyMap<string, string>

interface Key {
  /** Canonical, `''` for what changes nothing, `undefined` for what cannot be. */
  readonly read: (value: string) => string | undefined
  readonly expected: string
}

const whole = (value: string, max: number): number | undefined => {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : 0
  return number >= 1 && number <= max ? number : undefined
}

const side: Key = {
  read: value => whole(value, MAX_AD_HOC_SIDE)?.toString(),
  expected: `a whole number of pixels from 1 to ${MAX_AD_HOC_SIDE}`,
}

const up = (steps: readonly number[], value: number): number | undefined => steps.find(step => step >= value)

const stepped = (steps: readonly number[]): Key => ({
  read: value => {
    if (!/^\d{1,3}(?:\.\d{1,2})?$/.test(value)) return undefined
    return Number(value) === 0 ? '' : up(steps, Number(value))?.toString()
  },
  expected: `a number up to ${steps.at(-1)}`,
})

const oneOf = (idle: string, names: readonly string[]): Key => ({
  read: value => (value === idle ? '' : names.find(name => name === value)),
  expected: `one of ${[idle, ...names].join(', ')}`,
})

const GRAVITIES = ['north', 'northeast', 'east', 'southeast', 'south', 'southwest', 'west', 'northwest']
/** Found in the pixels, for `cover` alone, as a point is. */
const FOCUSES = ['auto', 'attention', 'entropy']

const share = (value: string): string | undefined =>
  /^(?:0(?:\.\d{1,3})?|1(?:\.0{1,3})?)$/.test(value) ? String(Number(value)) : undefined

const readGravity = (value: string): string | undefined => {
  if (value === 'centre' || value === 'center') return ''
  if (GRAVITIES.includes(value) || FOCUSES.includes(value)) return value
  const [x = '', y = '', ...more] = value.split('x').map(share)
  return x === '' || y === '' || more.length > 0 ? undefined : `${x}x${y}`
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))

const readRatio = (value: string): string | undefined => {
  const [across, down, ...more] = value.split('x').map(term => whole(term, 100))
  if (across === undefined || down === undefined || more.length > 0) return undefined
  const common = divisor(across, down)
  return `${across / common}x${down / common}`
}

/** `rgb`, `rrggbb` or `rrggbbaa`, as in CSS without its `#`. */
const readColour = (value: string): string | undefined => {
  const colour = value.toLowerCase()
  if (!/^(?:[0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})$/.test(colour)) return undefined
  const full = colour.length === 3 ? colour.replace(/./g, '$&$&') : colour
  return full.length === 8 && full.endsWith('ff') ? full.slice(0, 6) : full
}

const QUALITIES = Array.from({ length: 20 }, (_, index) => (index + 1) * 5)

/** In the order of a canonical spelling. */
const KEYS: ReadonlyMap<string, Key> = new Map<string, Key>([
  ['ar', { read: readRatio, expected: 'a ratio such as 16x9, terms up to 100' }],
  ['b', { read: readColour, expected: 'a colour such as fff, ffffff or ffffff80' }],
  ['blur', stepped([1, 2, 3, 5, 8, 12, 20, 30, 50, 100])],
  ['c', oneOf('inside', ['cover', 'contain', 'outside', 'fill'])],
  ['flip', oneOf('none', ['horizontal', 'vertical', 'both'])],
  [
    'g',
    {
      read: readGravity,
      expected: `one of centre, ${[...GRAVITIES, ...FOCUSES].join(', ')}, or a point such as 0.5x0.25`,
    },
  ],
  ['grayscale', { read: value => (value === '' ? 'on' : undefined), expected: 'no value' }],
  ['h', side],
  [
    'q',
    { read: value => up(QUALITIES, whole(value, 100) ?? 101)?.toString(), expected: 'a whole number from 1 to 100' },
  ],
  ['rotate', oneOf('0', ['90', '180', '270'])],
  ['sharpen', stepped([0.5, 1, 1.5, 2, 3, 5, 10])],
  ['w', side],
])
export const AD_HOC_KEYS: readonly string[] = [...KEYS.keys()]

/** What an encoder takes unless it is told (ops/encode-settings.ts); formats that are not here have no quality. */
const QUALITY: Readonly<Partial<Record<Format, string>>> = { jpeg: '80', webp: '80', avif: '50' }

const problem = (key: string, detail: string): AdHocProblem => ({ key, detail })

const isProblem = (value: object): value is AdHocProblem => 'detail' in value

/** What a stage resizes to; a side that is not said follows from the picture. */
export const boxOf = (values: ReadonlyMap<string, string>): { width?: number; height?: number } => {
  const said = {
    ...(values.has('w') && { width: Number(values.get('w')) }),
    ...(values.has('h') && { height: Number(values.get('h')) }),
  }
  const ratio = values.get('ar')
  if (ratio === undefined) return said
  const other = sideByRatio(ratio, said)
  return said.width === undefined ? { ...said, width: other } : { ...said, height: other }
}

/** The side that a ratio gives. */
const sideByRatio = (ratio: string, { width, height }: { width?: number; height?: number }): number => {
  const [across = 1, down = 1] = ratio.split('x').map(Number)
  return Math.max(1, Math.round(width === undefined ? ((height ?? 1) * across) / down : (width * down) / across))
}

interface Place {
  readonly isFirst: boolean
  readonly isLast: boolean
  readonly format: Format | 'auto'
}

const readValues = (text: string): Map<string, string> | AdHocProblem => {
  const values = new Map<string, string>()
  for (const token of text.split(',')) {
    const at = token.indexOf('_')
    const name = at === -1 ? token : token.slice(0, at)
    const key = KEYS.get(name)
    if (key === undefined) return problem(name, `There is no such key; there are ${AD_HOC_KEYS.join(', ')}.`)
    if (values.has(name)) return problem(name, 'It is there more than once.')
    const value = at === token.length - 1 ? undefined : key.read(at === -1 ? '' : token.slice(at + 1))
    if (value === undefined) return problem(name, `Expected ${key.expected}.`)
    values.set(name, value)
  }
  return values
}

/** What is wrong with keys that are right each by itself. */
const misfit = (values: ReadonlyMap<string, string>, place: Place): AdHocProblem | undefined => {
  const { isFirst, isLast, format } = place
  const [width, height, ratio, fit] = ['w', 'h', 'ar', 'c'].map(key => values.get(key))
  const isSized = width !== undefined || height !== undefined
  const isBoxed = (width !== undefined && height !== undefined) || (isSized && ratio !== undefined)
  if (isFirst && !isSized) return problem('w', 'The first stage says a width or a height.')
  if (ratio !== undefined) {
    if (!isSized || (width !== undefined && height !== undefined))
      return problem('ar', 'A ratio stands beside a width or a height, not both.')
    const other = sideByRatio(ratio, {
      ...(width && { width: Number(width) }),
      ...(height && { height: Number(height) }),
    })
    if (other > MAX_AD_HOC_SIDE) return problem('ar', `The other side would be more than ${MAX_AD_HOC_SIDE}.`)
  }
  if (fit !== undefined && !isSized) return problem('c', 'It says how to meet a width and a height, and there is none.')
  const gravity = values.get('g')
  if (gravity !== undefined && !(isBoxed && (fit === 'cover' || fit === 'contain')))
    return problem('g', 'It says where a box of two sides lies, with c_cover or c_contain.')
  if (gravity && fit === 'contain' && !GRAVITIES.includes(gravity)) return problem('g', 'Applies to c_cover only.')
  if (values.get('b')?.length === 8 && !(isBoxed && fit === 'contain'))
    return problem('b', 'A colour that lets something through applies to c_contain only.')
  if (values.has('q')) {
    if (!isLast) return problem('q', 'It belongs to the last stage.')
    if (format !== 'auto' && QUALITY[format] === undefined) return problem('q', `There is no quality of ${format}.`)
  }
  return undefined
}

/** Of a box that no AVIF may have; what the picture makes of one side is seen when it is planned. */
const tooLargeForAvif = (values: ReadonlyMap<string, string>): AdHocProblem | undefined => {
  const { width = 1, height = 1 } = boxOf(values)
  const { side, pixels } = MOST_OF_AVIF
  if (width <= side && height <= side && width * height <= pixels) return undefined
  return problem(width < height ? 'h' : 'w', `AVIF goes to ${side} pixels a side and ${pixels} in all.`)
}

/** Without what has no effect or is so anyway. */
const settled = (values: ReadonlyMap<string, string>, format: Format | 'auto'): AdHocStage => {
  const hasBox = ['w', 'h', 'ar'].filter(key => values.has(key)).length === 2
  const fit = hasBox ? values.get('c') : undefined
  const isIdle = (key: string, value: string): boolean =>
    value === '' ||
    (key === 'c' && !hasBox) ||
    (key === 'b' && fit === 'contain' && value === 'ffffff') ||
    (key === 'q' && format !== 'auto' && value === QUALITY[format])
  return new Map([...values].filter(([key, value]) => !isIdle(key, value)).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const writeStage = (stage: AdHocStage): string =>
  [...stage].map(([key, value]) => (key === 'grayscale' ? key : `${key}_${value}`)).join(',')

/** The one spelling of operations, as they stand between `x/` and the extension. Pure; some 2 us a stage. */
export const readOperations = (text: string, format: Format | 'auto'): { readonly text: string } | AdHocProblem => {
  const parts = text.split(BETWEEN)
  if (parts.length > MAX_STAGES) return problem('-', `There are at most ${MAX_STAGES} stages.`)
  const stages: string[] = []
  for (const [index, part] of parts.entries()) {
    const place = { isFirst: index === 0, isLast: index === parts.length - 1, format }
    const values = readValues(part)
    if (isProblem(values)) return values
    const wrong = misfit(values, place) ?? (format === 'avif' ? tooLargeForAvif(values) : undefined)
    if (wrong) return wrong
    const stage = writeStage(settled(values, format))
    if (stage !== '') stages.push(stage)
  }
  return { text: stages.join(BETWEEN) }
}

/** Of a canonical spelling. */
export const stagesOf = (operations: string): readonly AdHocStage[] =>
  operations.split(BETWEEN).map(stage => {
    const tokens = stage.split(',').map(token => token.split('_') as [string, string?])
    return new Map(tokens.map(([key, value = 'on']) => [key, value]))
  })

/** Whether AVIF has room for it. */
export const fitsAvif = (operations: string): boolean =>
  stagesOf(operations).every(stage => tooLargeForAvif(stage) === undefined)

/** Every width and height of a canonical spelling rounded up to the ladder, which ascends; past its end there is nothing. */
export const snapOperations = (
  operations: string,
  ladder: readonly number[],
): { readonly text: string } | AdHocProblem => {
  const stages: string[] = []
  for (const stage of stagesOf(operations)) {
    const snapped = new Map(stage)
    for (const key of ['w', 'h']) {
      const asked = stage.get(key)
      if (asked === undefined) continue
      const made = up(ladder, Number(asked))
      if (made === undefined) return problem(key, `Expected at most ${ladder.at(-1)} here.`)
      snapped.set(key, String(made))
    }
    const wrong = misfit(snapped, { isFirst: false, isLast: true, format: 'auto' })
    if (wrong) return wrong
    stages.push(writeStage(snapped))
  }
  return { text: stages.join(BETWEEN) }
}
