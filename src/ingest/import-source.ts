/** Where the bytes of an imported line come from: what an asset of the product has already, or a URL. */
import { findOriginal } from '../manifest/assets.ts'
import { isMatrixError, refuse } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { ImportLine } from '../model/import.ts'
import { StepHopeless } from '../model/saga.ts'
import { type Provenance, trustOf } from '../model/source.ts'
import type { Asked, PermissionDependencies } from '../policy/permission.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type FetchOriginal, hintsOf } from './fetch.ts'
import type { Identity, identify } from './identify.ts'
import { identifyHinted } from './identify-hinted.ts'
import { mayTakeKnown } from './known-bytes.ts'
import type { Received } from './receive.ts'

export interface SourceDependencies extends PermissionDependencies {
  readonly fetchOriginal: FetchOriginal
  readonly inputLimits: Parameters<typeof identify>[2]
  readonly metrics: Pick<Metrics, 'fetches'>
}

/** The caller closes what was received. */
export interface LineContent {
  readonly received: Received
  readonly identity: Identity
  /** Of what was fetched. */
  readonly provenance: Provenance | undefined
}

const missing = () => refuse('not-found', 'No asset of this product has these bytes.')
const gone = () => {
  throw missing() // erased since
}

/** In whose name, and what the collection takes at most. */
export type Asking = Pick<Asked, 'principal' | 'address'> & { readonly mostBytes: number | undefined }

/** Bytes that are here are not read again: what they are was found out when they came. */
const knownContent = async (
  dependencies: SourceDependencies,
  { principal, address }: Asking,
  sha256: Hex,
): Promise<LineContent | undefined> => {
  if (!(await mayTakeKnown(dependencies, { principal, address, sha256 }))) return undefined
  const original = await findOriginal(dependencies.database, principal.tenant, sha256)
  if (original === undefined) return undefined
  const { bytes, mediaType, image } = original
  const received = { sha256, bytes, open: gone, path: '', head: gone, close: async () => undefined }
  return { received, identity: { mediaType, image }, provenance: undefined }
}

/** Asked to come back later, or to send less at once; any other refusal of the source is its last word. */
const PASSES = new Set([408, 425, 429])
const isLastWord = (error: unknown): boolean => {
  const status = isMatrixError(error, 'source-unavailable') ? Number(error.details.source_status ?? 0) : 0
  return status >= 400 && status < 500 && !PASSES.has(status)
}

const fetchedContent = async (
  { fetchOriginal, inputLimits, metrics }: SourceDependencies,
  { mostBytes }: Asking,
  url: string,
): Promise<LineContent> => {
  const fetched = await fetchOriginal(url, mostBytes).catch(error => {
    metrics.fetches.inc({ result: isMatrixError(error) ? error.code : 'internal' })
    throw isLastWord(error) ? new StepHopeless('The source refuses', { cause: error }) : error
  })
  metrics.fetches.inc({ result: 'fetched' })
  const { received, mediaType } = fetched
  try {
    const identity = await identifyHinted(received, mediaType, inputLimits)
    return { received, identity, provenance: { source: undefined, trust: trustOf('url'), hints: hintsOf(fetched) } }
  } catch (error) {
    await received.close()
    throw error
  }
}

/** Throws `not-found` for bytes that the caller may not have, what `fetchOriginal` and `identify` throw, and `StepHopeless`. */
export const openLine = async (
  dependencies: SourceDependencies,
  asking: Asking,
  { source_url: url, sha256 }: Pick<ImportLine, 'source_url' | 'sha256'>,
): Promise<LineContent> => {
  const known = sha256 === undefined ? undefined : await knownContent(dependencies, asking, sha256)
  if (known) return known
  if (url === undefined) throw missing()
  return fetchedContent(dependencies, asking, url)
}
