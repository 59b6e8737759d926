/**
 * What `asset.version_failed` says, in its two majors. The first tells causes apart by what fields there are, which leaves no place for
 * a third; the second names them, and there may be more tomorrow.
 */
import { z } from 'zod'
import { asset, digest, version } from './event-fields.ts'

/** What a version waits for, or what it broke on. */
export const blocking = z.strictObject({
  product: z.string(),
  rendition: z.string(),
  format: z.string(),
  node: digest.nullable(),
  state: z.string(),
  code: z.string().nullable(),
})
const infected = z.strictObject({ code: z.literal('infected'), signature: z.string().nullable() })
const first = z.strictObject({ asset, version, failed: z.array(z.union([blocking, infected])).readonly() })

const CAUSES = ['rendition-failed', 'infected'] as const
const failure = blocking.partial().extend({
  cause: z.enum(CAUSES).meta({ 'x-extensible': true }),
  signature: z.string().nullable().optional(),
})
const second = z.strictObject({ asset, version, failed: z.array(failure).readonly() })

type First = z.output<typeof first>
type Second = z.output<typeof second>
type Failure = Second['failed'][number]

/** A cause more has to say here what is told of it to those who read the first major. */
const FIRST_OF = {
  'rendition-failed': ({
    product = '',
    rendition = '',
    format = '',
    node = null,
    state = '',
    code = null,
  }: Failure): First['failed'][number] => ({ product, rendition, format, node, state, code }),
  infected: ({ signature = null }: Failure): First['failed'][number] => ({ code: 'infected', signature }),
} satisfies Record<Failure['cause'], unknown>

export const VERSION_FAILED = {
  first,
  second: {
    data: second,
    up: ({ failed, ...rest }: First): Second => ({
      ...rest,
      failed: failed.map(one =>
        'signature' in one ? { cause: 'infected', signature: one.signature } : { cause: 'rendition-failed', ...one },
      ),
    }),
    down: ({ failed, ...rest }: Second): First => ({
      ...rest,
      failed: failed.map(one => FIRST_OF[one.cause](one)),
    }),
  },
}
