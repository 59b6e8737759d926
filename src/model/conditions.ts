/**
 * What has to be so for an edge to hold, beside its time: kind of content, labels of the asset, where the caller sits. All that
 * are named have to be met, and what is not known (no address, no content yet) meets none.
 */
import { addressOf, type Network, networkOf, openNetworks } from '../lib/network.ts'

export interface Labels {
  /** The asset has every one of these. */
  readonly all?: readonly string[] | undefined
  /** It has at least one of these. */
  readonly any?: readonly string[] | undefined
}

export interface Networks {
  readonly blocks: readonly string[]
  /** What is no address is in none. */
  has(address: string | undefined): boolean
}

export interface Conditions {
  /** Of the original: `image/png`, `image/*`. */
  readonly mediaTypes?: readonly string[] | undefined
  readonly labels?: Labels | undefined
  readonly networks?: Networks | undefined
}

/** As it is stored. */
export interface StoredConditions extends Omit<Conditions, 'networks'> {
  readonly networks?: readonly string[] | undefined
}

export const readConditions = (stored: StoredConditions | null | undefined): Conditions | undefined => {
  if (stored === null || stored === undefined) return undefined
  const { networks, ...rest } = stored
  return { ...rest, ...(networks && { networks: openBlocks(networks) }) }
}

/** Made when first asked: most who read an edge never ask. Throws for what is no block, for a gap would be a way in or out. */
const openBlocks = (blocks: readonly string[]): Networks => {
  let isIn: ((address: string) => boolean) | undefined
  return {
    blocks,
    has(text) {
      const address = text === undefined ? undefined : addressOf(text)
      isIn ??= openNetworks(blocks.map(readBlock))
      return address !== undefined && isIn(address)
    },
  }
}

const readBlock = (text: string): Network => {
  const network = networkOf(text)
  if (network === undefined) throw new RangeError(`Expected an address block but received ${JSON.stringify(text)}`)
  return network
}

export const storeConditions = (conditions: Conditions | undefined): StoredConditions | null => {
  if (conditions === undefined) return null
  const { networks, ...rest } = conditions
  return { ...rest, ...(networks && { networks: networks.blocks }) }
}

/** RFC 9110 section 8.3.1: types and subtypes are case-insensitive. A pattern is a type, or all of a family. */
export const MEDIA_TYPE_PATTERN = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]{0,126})$/

export const isOfType = (mediaType: string | undefined, patterns: readonly string[]): boolean => {
  if (mediaType === undefined) return false
  const type = (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase()
  return patterns.some(one => (one.endsWith('/*') ? type.startsWith(one.slice(0, -1)) : type === one))
}

export const isLabelled = (labels: readonly string[] | undefined, { all, any }: Labels): boolean => {
  const has = (one: string): boolean => labels?.includes(one) === true
  return (all === undefined || all.every(has)) && (any === undefined || any.some(has))
}
