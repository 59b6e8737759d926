/**
 * From another system's payload to what is wished here. An adapter is a pure function of the payload and of the source's settings:
 * the payload is kept as it came, so what is made of it can be made again. Nothing of a payload's own shape leaves this folder.
 */
import type { z } from 'zod'
import type { AliasName } from '../../model/alias.ts'
import type { PublishPolicy } from '../../model/asset.ts'
import type { Attributes } from '../../model/attributes.ts'
import { refuse } from '../../model/errors.ts'
import type { IdentityHints } from '../../model/identity-hints.ts'
import type { Hex } from '../../model/ids.ts'
import type { SourceSystem } from '../../model/source-system.ts'

/** One asset that is new, or new again, over there. */
export interface Wish {
  /** What the source calls it: the same name again is the next version of the same asset. */
  readonly externalId: string | undefined
  /** Where its bytes are, or the bytes. */
  readonly content: { readonly url: string } | { readonly bytes: Buffer; readonly mediaType: string | undefined }
  readonly filename: string | undefined
  readonly labels: readonly string[]
  readonly aliases?: readonly AliasName[] | undefined
  readonly identityHints?: IdentityHints | undefined
  /** Of a new asset; what is not within the bounds of attributes is a hint alone. */
  readonly attributes?: Attributes | undefined
  readonly publish: PublishPolicy | undefined
  readonly sha256: Hex | undefined
  /** For provenance: what it says beside that. */
  readonly hints: Readonly<Record<string, unknown>>
}

export interface Adapted {
  /** What tells the event from others of its source, the same each time it is sent. */
  readonly key: string
  readonly wishes: readonly Wish[]
}

/** Throws `contract-violation` for what is not of its shape. */
export type Adapter = (payload: unknown, settings: Pick<SourceSystem, 'baseUrl'>) => Adapted

/** Of names: nothing that cannot be seen, and nothing that Postgres does not hold. */
export const VISIBLE = /^[^\p{Cc}\p{Cs}]+$/u

/** A payload as the adapter knows it. What it does not know is let through: senders add fields when they like. */
export const parsePayload = <T extends z.ZodType>(schema: T, payload: unknown): z.infer<T> => {
  const parsed = schema.safeParse(payload)
  if (parsed.success) return parsed.data
  const violations = parsed.error.issues
    .slice(0, 20)
    .map(({ path, code, message }) => ({ pointer: `/${path.map(String).join('/')}`, rule: code, message }))
  throw refuse('contract-violation', 'The payload is not of the shape that the adapter of this source reads.', {
    violations,
  })
}
