/** Edges as OpenAPI names them. */
import { z } from '@hono/zod-openapi'
import { AssetEdgeFields, EdgeFields } from '../policy/edge-wire.ts'

export {
  AssetEdgeBody,
  assetEdgeOf,
  EdgeBody,
  edgeOf,
  presentAssetEdge,
  presentEdge,
  presentGrant,
} from '../policy/edge-wire.ts'

export const EdgeSchema = EdgeFields.extend({ product: z.string() }).openapi('Edge')
export const AssetEdgeSchema = AssetEdgeFields.extend({ product: z.string() }).openapi('AssetEdge')
