/**
 * A manifest of an import, read line by line. It is taken whole or not at all: what wrote one line wrongly has written others so,
 * and a manifest that is mended and sent again is easier to reason about than one of which a part is done.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { z } from '@hono/zod-openapi'
import { nameInUrl } from '../ingest/fetch-name.ts'
import type { NewStep } from '../manifest/saga-steps.ts'
import { PUBLISH_POLICIES } from '../model/asset.ts'
import { attributeViolations } from '../model/attributes.ts'
import { refuse, type Violation } from '../model/errors.ts'
import type { ImportInput, ImportLine } from '../model/import.ts'
import { Aliases } from './alias-names.ts'
import { IdentityHintsBody } from './identity-hints.ts'
import { linesOf } from './ndjson.ts'
import { UploadId } from './staged-document.ts'
import { Alias, cleanFilename, Labels, Sha256, SourceUrl } from './upload-wishes.ts'
import { AssetIdParam, Name, violationsOf } from './validation.ts'

const Text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^\P{Cc}*$/u)

export const ImportLineSchema = z
  .strictObject({
    ref: Text(200).optional().openapi({ description: 'Your own word for the line, told with its result' }),
    source_url: SourceUrl.optional(),
    upload_id: UploadId.optional().openapi({
      description:
        'A staged upload, completed by this line. Beside it stands `ref` alone: where it goes and as what was said when it was reserved.',
    }),
    sha256: Sha256.optional().openapi({
      type: 'string',
      description:
        'Beside a source: what its bytes must come to; an asset of the product that has them spares the fetch. Alone: bytes that such an asset has.',
    }),
    collection: Name.optional().openapi({ description: 'Of a new asset; this or `asset`' }),
    asset: AssetIdParam.optional().openapi({ description: 'That gets a new version; in one line only' }),
    alias: Alias.optional().openapi({ description: 'Of a new asset; in one line only' }),
    aliases: Aliases.optional(),
    identity_hints: IdentityHintsBody.optional(),
    labels: Labels.optional().openapi({ description: 'Of a new asset' }),
    attributes: z.looseObject({}).optional().openapi({ description: 'Of a new asset' }),
    filename: z.string().max(1024).optional(),
    publish: z.enum(PUBLISH_POLICIES).optional().openapi({ default: 'when-ready' }),
  })
  .openapi('ImportLine')

type Line = z.infer<typeof ImportLineSchema>

const MAX_LINE_BYTES = 32 * 1024
/** As many as a person mends before he looks again. */
const MOST_VIOLATIONS = 20

const OF_NEW = ['alias', 'aliases', 'labels', 'attributes'] as const

/** What the fields of a line say together. */
const violationsWithin = (line: Line): Violation[] => {
  const rule = (pointer: string, message: string): Violation => ({ pointer, rule: 'custom', message })
  if (line.upload_id !== undefined)
    return Object.keys(line)
      .filter(name => name !== 'ref' && name !== 'upload_id')
      .map(name => rule(`/${name}`, 'Expected nothing beside an upload but `ref`: it was said when it was reserved.'))
  const found: Violation[] = []
  if (line.sha256 === undefined && line.source_url === undefined)
    found.push(rule('/sha256', 'Expected source_url, sha256 or upload_id.'))
  if ((line.collection === undefined) === (line.asset === undefined))
    found.push(rule('/collection', 'Expected either collection or asset.'))
  if (line.asset !== undefined)
    for (const name of OF_NEW)
      if (line[name] !== undefined) found.push(rule(`/${name}`, 'Expected only of a new asset, with a collection.'))
  if (line.attributes !== undefined) found.push(...attributeViolations(line.attributes))
  return found
}

const readLine = (text: string): { line: Line } | { violations: readonly Violation[] } => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { violations: [{ pointer: '', rule: 'json', message: 'Expected JSON.' }] }
  }
  const parsed = ImportLineSchema.safeParse(value)
  if (!parsed.success) return { violations: violationsOf(parsed.error) }
  const violations = violationsWithin(parsed.data)
  return violations.length > 0 ? { violations } : { line: parsed.data }
}

const namesOf = ({
  alias,
  asset,
  aliases = [],
  upload_id: upload,
}: Line): readonly (readonly [pointer: string, name: string])[] => [
  ...(alias === undefined ? [] : [['/alias', alias] as const]),
  ...(asset === undefined ? [] : [['/asset', asset] as const]),
  ...(upload === undefined ? [] : [['/upload_id', upload] as const]),
  ...aliases.map(({ namespace, externalId }) => ['/aliases', `${namespace}:${externalId}`] as const),
]

/** Names that only one line may have: between two of them it would be chance which comes first. */
const openOnce = () => {
  const seen = new Map<string, number>()
  return (line: Line, number: number): Violation[] =>
    namesOf(line).flatMap(([pointer, name]) => {
      const key = `${pointer} ${name}`
      const before = seen.get(key)
      if (before === undefined) seen.set(key, number)
      return before === undefined
        ? []
        : [{ pointer, rule: 'custom', message: `Expected once, but line ${before} has it too.` }]
    })
}

export interface Manifest {
  /** Each as text of JSON, under its number. */
  readonly lines: readonly NewStep[]
  readonly input: ImportInput
  /** The first line of each collection, for whoever refuses one. */
  readonly firstOf: ReadonlyMap<string, number>
  readonly sha256: string
}

/** Throws `contract-violation`, naming lines and places in them, `payload-too-large` and `upload-incomplete`. */
export const readManifest = async (
  body: Readable,
  { maxLines, maxBytes, idleMs }: { maxLines: number; maxBytes: number; idleMs: number },
): Promise<Manifest> => {
  const lines: NewStep[] = []
  const collections: Record<string, readonly string[]> = {}
  const firstOf = new Map<string, number>()
  const violations: Violation[] = []
  const hash = createHash('sha256')
  const once = openOnce()
  const tooLarge = (what: string, limit: number) =>
    refuse('payload-too-large', `A manifest has at most ${limit} ${what}.`, { details: { limit } })
  let bytes = 0
  for await (const { number, text } of linesOf(body, { maxLineBytes: MAX_LINE_BYTES, idleMs })) {
    bytes += Buffer.byteLength(text) + 1
    if (bytes > maxBytes) throw tooLarge('bytes', maxBytes)
    hash.update(text).update('\n')
    if (text.trim() === '') continue
    if (lines.length === maxLines) throw tooLarge('lines', maxLines)
    const read = readLine(text)
    const wrong = 'line' in read ? once(read.line, number) : read.violations
    violations.push(...wrong.map(one => ({ ...one, pointer: `/${number}${one.pointer === '/' ? '' : one.pointer}` })))
    if (violations.length >= MOST_VIOLATIONS) break
    if (!('line' in read)) continue
    const { source_url: url, filename = url && nameInUrl(new URL(url)) } = read.line
    const { publish = 'when-ready' } = read.line
    const kept: ImportLine = { ...(read.line as ImportLine), publish, filename: cleanFilename(filename) }
    lines.push({ no: number, input: JSON.stringify(kept) })
    if (kept.collection !== undefined && !firstOf.has(kept.collection)) {
      firstOf.set(kept.collection, number)
      collections[kept.collection] = kept.labels ?? []
    }
  }
  const [first] = violations
  if (first)
    throw refuse(
      'contract-violation',
      `Line ${first.pointer.split('/')[1]} is not a line of an import. Nothing was begun.`,
      {
        violations: violations.slice(0, MOST_VIOLATIONS),
      },
    )
  if (lines.length === 0) throw refuse('contract-violation', 'The manifest has no lines.')
  return { lines, input: { collections }, firstOf, sha256: hash.digest('hex') }
}
