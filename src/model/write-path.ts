/** Delivery paths as code says them: everything that is not the one way to say it is a mistake of the code, and is told so. */
import { canonicalDeliveryPath, type DeliveryPath, isPathProblem, writeDeliveryPath } from './delivery-path.ts'

export type DeliveryPathOptions = Pick<DeliveryPath, 'product' | 'asset' | 'rendition' | 'dpr' | 'seoName'> & {
  /** Default: the current one. */
  readonly version?: number | undefined
  /** Default `auto`: the best one that the client takes. */
  readonly format?: DeliveryPath['format'] | undefined
}

/**
 * The canonical path of a rendition, of `original` or of operations (`x/w_400`). Throws `TypeError` for what there can be no path of.
 *
 * @example
 * deliveryPath({ product: 'shop-web', asset: id, version: 7, rendition: 'card', dpr: 2, format: 'webp' })
 */
export const deliveryPath = ({ version, format = 'auto', ...named }: DeliveryPathOptions): string => {
  const written = writeDeliveryPath({ ...named, version, format })
  const read = canonicalDeliveryPath(written)
  if (isPathProblem(read)) throw new TypeError(`Expected a delivery path but received ${written}. ${read.detail}`)
  return read.path
}
