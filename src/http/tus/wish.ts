/** `Upload-Metadata`: what a sender says of an upload when he begins it, by the schemas of every other entrance. */
import { z } from '@hono/zod-openapi'
import type { Destination, Upload } from '../../ingest/ingest.ts'
import type { PublishPolicy } from '../../model/asset.ts'
import { refuse } from '../../model/errors.ts'
import type { Hex } from '../../model/ids.ts'
import { Common, CreateQuery, cleanFilename } from '../upload-wishes.ts'
import { AssetIdParam, violationsOf } from '../validation.ts'

export interface Wish {
  readonly destination: Destination
  readonly aliases: Upload['aliases']
  readonly identityHints: Upload['identityHints']
  readonly publish: PublishPolicy
  readonly filename?: string | undefined
  readonly mediaType?: string | undefined
  readonly announcedSha256?: Hex | undefined
}

/** What Uppy adds by itself: it says nothing that `filename` and `filetype` do not. */
const IGNORED = ['name', 'type', 'relativePath']

const said = {
  filetype: z.string().max(255).optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
}
export const NewAsset = CreateQuery.extend(said)
export const NewVersion = Common.extend({ ...said, asset: AssetIdParam })

/** Throws `invalid-request`, naming every place. */
export const readWish = (metadata: Readonly<Record<string, string | null>>): Wish => {
  // A key without a value says nothing (`filetype` of Uppy, where a browser knows none).
  const given = Object.fromEntries(
    Object.entries(metadata).filter(([key, value]) => !IGNORED.includes(key) && value !== null && value !== ''),
  )
  const parsed = 'asset' in given ? NewVersion.safeParse(given) : NewAsset.safeParse(given)
  if (!parsed.success)
    throw refuse('invalid-request', 'Upload-Metadata does not fit its schema.', {
      violations: violationsOf(parsed.error),
    })
  const {
    aliases,
    identity_hints: identityHints,
    publish,
    filename,
    filetype: mediaType,
    sha256: announcedSha256,
  } = parsed.data
  const destination: Destination =
    'asset' in parsed.data
      ? { kind: 'version', asset: parsed.data.asset }
      : {
          kind: 'asset',
          collection: parsed.data.collection,
          alias: parsed.data.alias,
          labels: parsed.data.labels,
          attributes: parsed.data.attributes,
        }
  return { destination, aliases, identityHints, publish, filename: cleanFilename(filename), mediaType, announcedSha256 }
}
