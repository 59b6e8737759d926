/** What products import: no configuration, nothing beyond what node and browsers have. `sendStaged` and `uploadDirect` alone ask anybody anything. */

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
export {
  type DirectOptions,
  type DirectUpload,
  type SendOptions,
  type StagedTarget,
  sendStaged,
  UploadFailed,
  uploadDirect,
} from './upload-direct.ts'
