/** What products import. Nothing here asks anybody: no connection, no configuration, nothing beyond node's own modules. */

export {
  type PictureDocument,
  type PictureImage,
  type PictureOptions,
  type PictureParts,
  type PictureSource,
  pictureHtml,
  pictureOf,
} from '../deliver/picture.ts'
export {
  type CanonicalPath,
  canonicalDeliveryPath,
  type DeliveryPath,
  type Dpr,
  isPathProblem,
  type PathProblem,
} from '../model/delivery-path.ts'
export { type DeliveryPathOptions, deliveryPath } from '../model/write-path.ts'
export { type SignOptions, signUrl } from '../policy/sign-url.ts'
