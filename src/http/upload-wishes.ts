/** What senders say about the bytes, by whichever entrance. */
import { z } from '@hono/zod-openapi'
import { PUBLISH_POLICIES } from '../model/asset.ts'
import { type Attributes, attributeViolations, LABEL_PATTERN, MAX_LABELS } from '../model/attributes.ts'
import { refuse } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import { Aliases, AliasesText } from './alias-names.ts'
import { IdentityHintsBody, IdentityHintsText } from './identity-hints.ts'
import { Name } from './validation.ts'

export const Common = z.strictObject({
  publish: z.enum(PUBLISH_POLICIES).default('when-ready'),
  filename: z.string().max(1024).optional(),
  aliases: AliasesText.optional(),
  identity_hints: IdentityHintsText.optional(),
})
export const Labels = z
  .array(z.string().regex(LABEL_PATTERN))
  .max(MAX_LABELS)
  .transform(labels => [...new Set(labels)].sort())
export const Alias = z.string().regex(/^[\x21-\x7e]{1,200}$/)

/** Throws nothing: what is not within bounds is an issue of the schema that it stands in. */
export const AttributesBody = z
  .looseObject({})
  .superRefine((given, context) => {
    for (const { pointer, message } of attributeViolations(given))
      context.addIssue({ code: 'custom', message, path: pointer.split('/').slice(2) })
  })
  .transform(given => given as Attributes)
  .openapi({ type: 'object', description: 'Of a new asset, from its first moment on' })

const parsedJson = (text: string, context: z.RefinementCtx): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'Expected JSON' })
    return z.NEVER
  }
}

/** Where there is room for text alone: a query, Upload-Metadata. */
export const AttributesText = z
  .string()
  .max(32_768)
  .transform(parsedJson)
  .pipe(AttributesBody)
  .openapi({ type: 'string', description: 'Of a new asset, from its first moment on: an object as JSON' })

export const CreateQuery = Common.extend({
  collection: Name,
  labels: z
    .string()
    .default('')
    .transform(text => (text === '' ? [] : text.split(',')))
    .pipe(Labels)
    .openapi({ type: 'string', description: 'Of the asset from its first moment on, separated by commas' }),
  attributes: AttributesText.optional(),
  alias: Alias.optional(),
})

export const Sha256 = z
  .string()
  .regex(/^(?:sha256:)?[0-9a-f]{64}$/)
  .transform(text => text.replace('sha256:', ''))
export const SourceUrl = z
  .string()
  .max(4096)
  .refine(text => URL.canParse(text), 'Expected a URL')
  .openapi({ format: 'uri', description: 'http: or https:, at a public address or one that FETCH_ALLOW names' })

/** Where a JSON body says it all: beside it stands the key that says where the bytes are (routes/upload-json.ts). */
export const JsonCommon = Common.extend({
  aliases: Aliases.optional(),
  identity_hints: IdentityHintsBody.optional(),
  sha256: Sha256.optional().openapi({ type: 'string', description: 'In hexadecimal; other bytes are refused' }),
})
export const JsonCreate = JsonCommon.extend({
  collection: Name,
  labels: Labels.default([]).openapi({ type: 'array', items: { type: 'string' } }),
  attributes: AttributesBody.optional(),
  alias: Alias.optional(),
})

/** `Repr-Digest: sha-256=:<base64>:` (RFC 9530 section 3); other algorithms are not ours to check. */
export const announcedDigest = (header: string | undefined): Hex | undefined => {
  if (header === undefined || !/(?:^|,)\s*sha-256\s*=/i.test(header)) return undefined
  const [, base64 = ''] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header) ?? []
  const digest = Buffer.from(base64, 'base64')
  if (digest.length !== 32) throw refuse('invalid-request', 'Repr-Digest does not carry a SHA-256.')
  return digest.toString('hex')
}

export { cleanFilename } from '../lib/plain-text.ts'
