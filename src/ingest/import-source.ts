/** Where the bytes of an imported line come from: what an asset of the product has already, or a URL. */
import { findOriginal } from '../manifest/assets.ts'
import type { Database } from '../manifest/database.ts'
import { hasBytes } from '../manifest/imports.ts'
import { isMatrixError, refuse } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { ImportLine } from '../model/import.ts'
import type { Principal } from '../model/principal.ts'
import { StepHopeless } from '../model/saga.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type FetchOriginal, withoutSecrets } from './fetch.ts'
import type { Identity, identify } from './identify.ts'
import { identifyHinted } from './identify-hinted.ts'
import type { Received } from './receive.ts'

export interface SourceDependencies {
  readonly database: Database
  readonly fetchOriginal: FetchOriginal
  readonly inputLimits: Parameters<typeof identify>[2]
  readonly metrics: Pick<Metrics, 'fetches'>
}

/** The caller closes what was received. */
export interface LineContent {
  readonly received: Received
  readonly identity: Identity
  /** An address without its query. */
  readonly from: string | undefined
}

const missing = () => refuse('not-found', 'No asset of this product has these bytes.')
const gone = () => {
  throw missing() // erased since
}

/** Bytes that are here are not read again: what they are was found out when they came. */
const knownContent = async (
  { database }: SourceDependencies,
  { tenant, product, scopes }: Principal,
  sha256: Hex,
): Promise<LineContent | undefined> => {
  const whose = scopes.includes('matrix:admin') ? undefined : (product ?? '')
  if (!(await hasBytes(database, { tenant, sha256, product: whose }))) return undefined
  const original = await findOriginal(database, tenant, sha256)
  if (original === undefined) return undefined
  const { bytes, mediaType, image } = original
  const received = { sha256, bytes, open: gone, path: '', head: gone, close: async () => undefined }
  return { received, identity: { mediaType, image }, from: undefined }
}

/** Asked to come back later, or to send less at once; any other refusal of the source is its last word. */
const PASSES = new Set([408, 425, 429])
const isLastWord = (error: unknown): boolean => {
  const status = isMatrixError(error, 'source-unavailable') ? Number(error.details.source_status ?? 0) : 0
  return status >= 400 && status < 500 && !PASSES.has(status)
}

const fetchedContent = async (
  { fetchOriginal, inputLimits, metrics }: SourceDependencies,
  url: string,
): Promise<LineContent> => {
  const { received, mediaType } = await fetchOriginal(url).catch(error => {
    metrics.fetches.inc({ result: isMatrixError(error) ? error.code : 'internal' })
    throw isLastWord(error) ? new StepHopeless('The source refuses', { cause: error }) : error
  })
  metrics.fetches.inc({ result: 'fetched' })
  try {
    return {
      received,
      identity: await identifyHinted(received, mediaType, inputLimits),
      from: withoutSecrets(new URL(url)),
    }
  } catch (error) {
    await received.close()
    throw error
  }
}

/** Throws `not-found` for bytes that the product has not, what `fetchOriginal` and `identify` throw, and `StepHopeless`. */
export const openLine = async (
  dependencies: SourceDependencies,
  principal: Principal,
  { source_url: url, sha256 }: Pick<ImportLine, 'source_url' | 'sha256'>,
): Promise<LineContent> => {
  const known = sha256 === undefined ? undefined : await knownContent(dependencies, principal, sha256)
  if (known) return known
  if (url === undefined) throw missing()
  return fetchedContent(dependencies, url)
}
