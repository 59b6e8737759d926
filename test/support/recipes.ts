/** Arbitrary recipes as users may write them, all valid. */
import fc from 'fast-check'
import { ENCODERS } from '../../src/ops/encode.ts'
import { FITS } from '../../src/ops/resize-geometry.ts'

const side = fc.integer({ min: 1, max: 1800 })
const colour = fc.constantFrom('#000', '#Ff8800', '#11223344')
const share = fc.double({ min: 0, max: 1, noNaN: true })

const crop = fc.record({ left: fc.nat(400), top: fc.nat(400), width: side, height: side })
const place = fc.oneof(
  fc.record({ gravity: fc.constantFrom('centre', 'center', 'north', 'southwest', 'east') }),
  fc.record({ focal: fc.record({ x: share, y: share }) }),
  fc.constant({}),
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
const stage = fc.record(
  { crop, resize, pad, flatten: fc.record({ background: fc.constant('#fed') }) },
  { requiredKeys: [] },
)
const formats = fc.subarray(Object.keys(ENCODERS), { minLength: 1 })

export const anyRecipe = fc.oneof(
  fc
    .tuple(stage, formats, fc.constantFrom('strip', 'copyright'))
    .map(([ops, names, metadata]) => ({ ...ops, metadata, formats: names })),
  fc
    .tuple(fc.array(stage, { minLength: 1, maxLength: 4 }), formats)
    .map(([stages, names]) => ({ stages, formats: names })),
)
