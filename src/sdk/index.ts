/** What products import: no configuration, nothing beyond what node and browsers have. `sendStaged` and `uploadDirect` alone ask anybody anything. */
/** What products import: no configuration and nothing beyond node's own modules. `tusUpload` alone asks anybody, whom it is told to. */

export {
  type PictureDocument,
  type PictureImage,
  type PictureOptions,
  type PictureParts,
  type PictureSource,
  pictureHtml,
  pictureOf,
} from '../deliver/picture.ts'
export { TusRefusal, type TusSource, type TusUploadOptions, tusUpload } from '../lib/tus-client.ts'
export {
  type DirectOptions,
  type DirectUpload,
  type SendOptions,
  type StagedTarget,
  sendStaged,
  UploadFailed,
  uploadDirect,
} from '../lib/upload-direct.ts'
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
