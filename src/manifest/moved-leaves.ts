/** Leaves that show another node than before: what a statement that moves them returns, and what is told of each. */
import { digestOf, type Hex } from '../model/ids.ts'
import type { LeafName } from '../model/node.ts'

export interface MovedLeaf extends LeafName {
  readonly node: Hex
  readonly sha256: Hex
  readonly mediaType: string
  readonly width: number
  readonly height: number
  readonly bytes: number
}

/** Of a leaf `l` and its derivative `d`. */
export const movedColumns = (node: string): string =>
  `l.asset_id as asset, l.version, l.product_id as product, l.rendition, l.revision, l.format, encode(${node}, 'hex') as node,
   encode(d.sha256, 'hex') as sha256, d.media_type as "mediaType", d.width, d.height, d.byte_length as bytes`

/** What is shown under the leaf from now on, for whoever keeps copies. */
export const readyFact = ({ node, sha256, mediaType, width, height, bytes, ...leaf }: MovedLeaf) => ({
  type: 'rendition.ready' as const,
  data: { ...leaf, node: digestOf(node), digest: digestOf(sha256), media_type: mediaType, width, height, bytes },
})
