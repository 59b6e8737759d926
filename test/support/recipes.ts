/** Arbitrary recipes as users may write them, all valid. */
import fc from 'fast-check'
import { ENCODERS } from '../../src/ops/encode-settings.ts'
import { FITS } from '../../src/ops/resize-geometry.ts'

const side = fc.integer({ min: 1, max: 1800 })
const colour = fc.constantFrom('#000', '#Ff8800', '#11223344')
const share = fc.double({ min: 0, max: 1, noNaN: true })

const place = fc.oneof(
  fc.record({ gravity: fc.constantFrom('centre', 'center', 'north', 'southwest', 'east', 'attention', 'entropy') }),
  fc.record({ focal: fc.record({ x: share, y: share }) }),
  fc.constant({}),
)
const size = fc.record({ width: side, height: side })
const crop = fc.oneof(
  fc.record({ left: fc.nat(400), top: fc.nat(400), width: side, height: side }),
  fc.tuple(size, place).map(([box, where]) => ({ ...box, ...where })),
  fc.tuple(fc.constantFrom('16:9', '4:6', '1:1', '9999:1'), place).map(([ratio, where]) => ({ ratio, ...where })),
)
const both = fc.record({ width: side, height: side, enlarge: fc.boolean() })
const resize = fc.oneof(
  fc.record({ w: side, fit: fc.constantFrom('cover', 'inside', 'contain', 'outside'), enlarge: fc.boolean() }),
  fc.record({ height: side }),
  fc.tuple(both, place).map(([box, where]) => ({ ...box, fit: 'cover', ...where })),
  fc.tuple(both, fc.constantFrom(...FITS)).map(([box, fit]) => ({ ...box, fit })),
  fc.tuple(both, colour).map(([box, background]) => ({ ...box, fit: 'contain', gravity: 'northwest', background })),
)
const pad = fc.record({ top: fc.nat(40), left: fc.nat(40), background: colour }, { requiredKeys: [] })
const factor = fc.double({ min: 0, max: 10, noNaN: true })
const effects = {
  rotate: fc.record(
    {
      angle: fc.oneof(fc.constantFrom(-360, -90, 0, 90, 180), fc.double({ min: -360, max: 360, noNaN: true })),
      background: colour,
    },
    { requiredKeys: ['angle'] },
  ),
  flip: fc.constantFrom('none', 'horizontal', 'vertical', 'both'),
  median: fc.integer({ min: 1, max: 9 }),
  blur: fc.oneof(fc.constant(0), fc.double({ min: 0.3, max: 100, noNaN: true })),
  sharpen: fc.record(
    { sigma: fc.double({ min: 0.01, max: 10, noNaN: true }), flat: factor, m2: factor },
    { requiredKeys: [] },
  ),
  normalise: fc.record({ lower: fc.nat(49), upper: fc.integer({ min: 50, max: 100 }) }, { requiredKeys: [] }),
  gamma: fc.double({ min: 0.34, max: 3, noNaN: true }),
  modulate: fc.record(
    {
      brightness: factor,
      saturation: factor,
      hue: fc.integer({ min: -360, max: 360 }),
      lightness: fc.integer({ min: -100, max: 100 }),
    },
    { requiredKeys: [] },
  ),
  tint: fc.constantFrom('#f80', '#00FF7f'),
  grayscale: fc.boolean(),
  threshold: fc.record({ value: fc.integer({ min: 1, max: 255 }), grayscale: fc.boolean() }, { requiredKeys: [] }),
  round: fc.oneof(fc.constant('max'), fc.nat(4096)),
}
const trim = fc.record({ threshold: fc.nat(255), background: colour }, { requiredKeys: [] })
const stage = fc.record(
  { trim, crop, resize, pad, ...effects, flatten: fc.record({ background: fc.constant('#fed') }) },
  { requiredKeys: [] },
)
const formats = fc.subarray(Object.keys(ENCODERS), { minLength: 1 })

export const anyRecipe = fc.oneof(
  fc
    .tuple(
      stage,
      formats,
      fc.constantFrom('strip', 'copyright', 'all-but-private', 'all'),
      fc.constantFrom('srgb', 'keep'),
    )
    .map(([ops, names, metadata, icc]) => ({ ...ops, metadata, icc, formats: names })),
  fc
    .tuple(fc.array(stage, { minLength: 1, maxLength: 4 }), formats)
    .map(([stages, names]) => ({ stages, formats: names })),
)
