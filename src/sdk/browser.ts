/** All of the SDK that needs nothing beyond what browsers have, too: everything but the signing of URLs, whose secret is no page's. */

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
export { type VerifyOptions, verifyWebhook, type WebhookFlaw, WebhookRefused } from '../lib/verify-webhook.ts'
export {
  type CanonicalPath,
  canonicalDeliveryPath,
  type DeliveryPath,
  type Dpr,
  isPathProblem,
  type PathProblem,
} from '../model/delivery-path.ts'
export { type DeliveryPathOptions, deliveryPath } from '../model/write-path.ts'
export type * as Api from './api.ts'
export {
  type BatchWish,
  type Client,
  type ClientOptions,
  createClient,
  type IfMatch,
  type Names,
  type ResolveOptions,
  type TaggedAsset,
  type UploadWish,
} from './client.ts'
export {
  type Consumer,
  type ConsumerOptions,
  type Context,
  createConsumer,
  type Gap,
  type Handlers,
  NotTaken,
  type Outcome,
  type RunOptions,
} from './consumer.ts'
export {
  type AssetMutationEvent,
  type DomainEvent,
  type EventEnvelope,
  toAssetMutationEvent,
  toDomainEvent,
  toEventEnvelope,
  typeOf,
} from './envelopes.ts'
export {
  type AnyEvent,
  type EventFilter,
  type EventPage,
  type EventType,
  type FollowOptions,
  type MatrixEvent,
  seqOf,
} from './events.ts'
export { type Inbox, type Letter, type Mark, type Marked, memoryInbox } from './inbox.ts'
export {
  type InboxClient,
  type InboxPool,
  POSTGRES_INBOX,
  type PostgresInbox,
  postgresInbox,
} from './postgres-inbox.ts'
export { isProblem, MatrixProblem, type ProblemCode } from './problem.ts'
export type { Answer, Input } from './routes.ts'
export type { GroupOptions, RedisConnection } from './stream-group.ts'
export type { CallOptions, Content } from './transport.ts'
