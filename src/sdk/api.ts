/** Printed by `npm run docs` from docs/openapi.json; a test fails when it is stale. */

export type Bytes = NonNullable<RequestInit['body']>

export interface Resolution {
  readonly state: 'ready' | 'stale'
  readonly stale_reason?: 'pending'
  readonly retry_after?: number
  readonly status_url?: string
  readonly asset: string
  readonly version: number
  readonly publication: number
  readonly product: string
  readonly rendition: string
  readonly dpr?: number
  readonly revision?: number
  readonly deprecation?: { readonly since: string; readonly sunset: string }
  readonly node?: string
  readonly digest: string
  readonly media_type: string
  readonly width?: number
  readonly height?: number
  readonly bytes: number
  readonly delivery: { readonly url: string; readonly expires_at: string; readonly cacheable: boolean; readonly via: 's3' | 'cdn' }
  readonly placeholder?: Placeholder
  readonly shared_with?: number
}

/** Of the original; absent until it has been made, soon after the upload */
export interface Placeholder {
  readonly thumbhash: string
  readonly colour: string
}

export interface Explanation {
  readonly outcome: string
  readonly status: number
  readonly steps: readonly ({ readonly step: string; readonly input?: unknown; readonly result?: unknown; readonly us: number })[]
  readonly text: string
}

export interface Pending {
  readonly state: 'pending'
  readonly asset: string
  readonly version?: number
  readonly product: string
  readonly rendition: string
  readonly queued_at?: string
  readonly blocking: readonly ({ readonly node?: string; readonly format: string; readonly state: string; readonly attempts: number })[]
  readonly retry_after: number
  readonly status_url: string
}

export interface Problem {
  readonly type: string
  readonly code: 'invalid-request' | 'invalid-cursor' | 'idempotency-key-missing' | 'unauthenticated' | 'bad-signature' | 'forbidden' | 'attribute-forbidden' | 'over-budget' | 'not-found' | 'not-acceptable' | 'conflict' | 'alias-conflict' | 'not-ready' | 'last-owner' | 'held' | 'nothing-to-roll-back' | 'upload-incomplete' | 'idempotency-in-flight' | 'contract-incompatible' | 'asset-archived' | 'asset-erased' | 'version-purged' | 'events-archived' | 'tus-version' | 'precondition-failed' | 'payload-too-large' | 'unsupported-media' | 'contract-violation' | 'invalid-recipe' | 'unsupported-transform' | 'content-mismatch' | 'corrupt-media' | 'decompression-bomb' | 'infected' | 'url-forbidden' | 'idempotency-key-reused' | 'upload-locked' | 'rendition-failed' | 'source-unavailable' | 'precondition-required' | 'rate-limited' | 'checksum-mismatch' | 'internal' | 'dependency-unavailable' | 'storage-unavailable' | 'overloaded' | 'dependency-timeout' | 'storage-full' | (string & {})
  readonly status: number
  readonly title: string
  readonly detail?: string
  readonly instance: string
  readonly retryable: boolean
  readonly retry_after?: number
  readonly errors?: readonly ({ readonly pointer: string; readonly rule: string; readonly message: string })[]
}

export interface Info {
  readonly asset: string
  readonly version: number
  readonly publication: number
  readonly product: string
  readonly media_type: string
  readonly width?: number
  readonly height?: number
  readonly frames?: number
  readonly placeholder?: Placeholder
  readonly renditions: readonly ({ readonly rendition: string; readonly revision: number; readonly format: 'avif' | 'webp' | 'jpeg' | 'png' | 'gif'; readonly media_type: string; readonly width: number; readonly height: number; readonly bytes: number; readonly digest: string; readonly path: string })[]
}

export interface BatchItem {
  readonly ref: number
  readonly status: number
  readonly resolution?: Resolution | Pending
  readonly problem?: Problem
}

export interface Picture {
  readonly state: 'ready'
  readonly asset: string
  readonly version: number
  readonly publication: number
  readonly product: string
  readonly sources: readonly ({ readonly type?: string; readonly srcset: string; readonly sizes?: string; readonly candidates: readonly ({ readonly rendition: string; readonly dpr?: number; readonly revision: number; readonly format: string; readonly url: string; readonly width: number; readonly height: number; readonly bytes: number; readonly digest: string })[] })[]
  readonly sizes?: string
  readonly img: { readonly src: string; readonly width: number; readonly height: number; readonly alt?: string }
  readonly placeholder?: Placeholder
  readonly pending: readonly ({ readonly rendition: string; readonly formats: readonly string[] })[]
  readonly left_out: readonly ({ readonly rendition?: string; readonly format?: string; readonly reason: string })[]
  readonly deprecated?: readonly ({ readonly since: string; readonly sunset: string; readonly rendition: string })[]
  readonly delivery: { readonly via: 'gateway' | 'cdn' | 's3'; readonly expires_at?: string; readonly cacheable: boolean }
  readonly html: string
}

export interface PendingPicture {
  readonly state: 'pending'
  readonly asset: string
  readonly version: number
  readonly pending: readonly ({ readonly rendition: string; readonly formats: readonly string[] })[]
  readonly left_out: readonly ({ readonly rendition?: string; readonly format?: string; readonly reason: string })[]
  readonly retry_after: number
  readonly status_url: string
}

export interface ManifestComparison {
  readonly in_step: boolean
  readonly same: number
  readonly missing: { readonly count: number; readonly first: readonly ({ readonly asset: string; readonly rendition: string; readonly format: string; readonly digest: string })[] }
  readonly extra: { readonly count: number; readonly first: readonly ({ readonly asset: string; readonly rendition: string; readonly format: string })[] }
  readonly stale: { readonly count: number; readonly first: readonly ({ readonly asset: string; readonly rendition: string; readonly format: string; readonly digest: string; readonly was: string })[] }
  readonly as_of: number
}

export interface IngestedVersion {
  readonly asset: string
  readonly collection: string
  readonly version: number
  readonly state: 'PENDING' | 'PROCESSING' | 'READY' | 'ACTIVE' | 'ARCHIVED' | 'FAILED' | 'PURGED'
  readonly digest: string
  readonly bytes: number
  readonly media_type: string
  readonly width?: number
  readonly height?: number
  readonly frames?: number
  readonly deduplicated: boolean
  readonly publication: number
  readonly event_no: number
}

export interface ResumableUpload {
  readonly id: string
  readonly state: 'open' | 'finishing' | 'done' | 'refused' | 'expired'
  readonly offset: number
  readonly length: number
  readonly created_at: string
  readonly expires_at: string
  readonly result?: Readonly<Record<string, unknown>>
  readonly problem?: Problem & unknown
}

export interface Upload {
  readonly upload_id: string
  readonly state: 'OPEN' | 'COMPLETING' | 'COMPLETED' | 'REJECTED' | 'EXPIRED'
  readonly collection?: string
  readonly asset?: string
  readonly bytes: number
  readonly sha256?: string
  readonly media_type?: string
  readonly deduplicated?: true
  readonly method?: 'PUT'
  readonly url?: string
  readonly headers?: { readonly [key: string]: string }
  readonly part_bytes?: number
  readonly parts?: readonly ({ readonly number: number; readonly bytes: number; readonly received: boolean; readonly url?: string; readonly headers?: { readonly [key: string]: string } })[]
  readonly received?: boolean
  readonly expires_at?: string
  readonly open_until: string
  readonly created_at: string
  readonly version?: { readonly asset: string; readonly version: number }
  readonly problem?: { readonly code: string; readonly detail: string }
}

export interface UploadCompletion {
  readonly parts?: readonly ({ readonly number: number; readonly etag: string })[]
}

export interface Import {
  readonly id: string
  readonly state: 'RUNNING' | 'PAUSED' | 'COMPENSATING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'CANCELLED' | 'COMPENSATED'
  readonly progress: Progress
  readonly steps: readonly ({ readonly name: string; readonly state: 'PENDING' | 'RUNNING' | 'DONE' | 'FAILED' | 'SKIPPED' | 'UNDOING' | 'UNDONE' })[]
  readonly reason?: string
  readonly created_by: string
  readonly created_at: string
  readonly finished_at?: string
  readonly kind: 'import'
  readonly collections: readonly string[]
  readonly undone: number
  readonly results: string
}

export interface Progress {
  readonly total: number
  readonly done: number
  readonly failed: number
  readonly percent: number
  readonly eta_seconds?: number
}

export interface ImportResult {
  readonly line: number
  readonly ref?: string
  readonly state: 'waiting' | 'done' | 'failed' | 'skipped' | 'undone' | 'not-undone'
  readonly asset?: string
  readonly version?: number
  readonly digest?: string
  readonly deduplicated?: boolean
  readonly code?: 'invalid-request' | 'invalid-cursor' | 'idempotency-key-missing' | 'unauthenticated' | 'bad-signature' | 'forbidden' | 'attribute-forbidden' | 'over-budget' | 'not-found' | 'not-acceptable' | 'conflict' | 'alias-conflict' | 'not-ready' | 'last-owner' | 'held' | 'nothing-to-roll-back' | 'upload-incomplete' | 'idempotency-in-flight' | 'contract-incompatible' | 'asset-archived' | 'asset-erased' | 'version-purged' | 'events-archived' | 'tus-version' | 'precondition-failed' | 'payload-too-large' | 'unsupported-media' | 'contract-violation' | 'invalid-recipe' | 'unsupported-transform' | 'content-mismatch' | 'corrupt-media' | 'decompression-bomb' | 'infected' | 'url-forbidden' | 'idempotency-key-reused' | 'upload-locked' | 'rendition-failed' | 'source-unavailable' | 'precondition-required' | 'rate-limited' | 'checksum-mismatch' | 'internal' | 'dependency-unavailable' | 'storage-unavailable' | 'overloaded' | 'dependency-timeout' | 'storage-full' | (string & {})
  readonly detail?: string
  readonly errors?: readonly ({ readonly pointer: string; readonly rule: string; readonly message: string })[]
  readonly tries: number
}

export interface AcceptedEvent {
  readonly accepted: number
  readonly duplicate: boolean
  readonly event?: string
}

export interface Source {
  readonly name: string
  readonly adapter: 'cloudevents' | 's3-events'
  readonly product: string
  readonly collection: string
  readonly scheme: 'standard-webhooks' | 'hmac-sha256' | 'bearer'
  readonly header?: string
  readonly base_url?: string
  readonly bucket_key?: { readonly id: string; readonly region?: string }
  readonly trust?: number
  readonly publish?: 'when-ready' | 'now' | 'manual'
  readonly secret_at: string
}

export interface SourceItem {
  readonly event: string
  readonly item: number
  readonly external_id?: string
  readonly state: 'PENDING' | 'DONE' | 'DEAD'
  readonly tries: number
  readonly code?: string
  readonly asset?: string
  readonly version?: number
  readonly received_at: string
  readonly next_try_at?: string
  readonly finished_at?: string
}

export interface Asset {
  readonly id: string
  readonly collection: string
  readonly owner: string
  readonly alias?: string
  readonly labels: readonly string[]
  readonly attributes?: Readonly<Record<string, unknown>>
  readonly focal_point?: FocalPoint
  readonly status: 'PENDING' | 'ACTIVE' | 'ARCHIVED' | 'DELETED' | 'ERASED'
  readonly version?: number
  readonly publication: number
  readonly created_at?: string
  readonly updated_at?: string
  readonly archived_at?: string
  readonly deleted_at?: string
  readonly schedule?: Schedule
  readonly placeholder?: Placeholder
}

/** Shares of width and height of the upright picture, from its top left */
export interface FocalPoint {
  readonly x: number
  readonly y: number
}

export interface Schedule {
  readonly publish?: { readonly version: number; readonly at: string; readonly waiting_since?: string }
  readonly until?: string
}

export interface Aliases {
  readonly items: readonly ({ readonly namespace: string; readonly external_id: string; readonly created_at: string })[]
}

export interface AliasesChange {
  readonly add?: readonly ({ readonly namespace: string; readonly external_id: string })[]
  readonly remove?: readonly ({ readonly namespace: string; readonly external_id: string })[]
}

export interface Event {
  readonly specversion: '1.0'
  readonly id: string
  readonly type: string
  readonly source: string
  readonly subject: string
  readonly time: string
  readonly recordedtime: string
  readonly datacontenttype: 'application/json'
  readonly dataschema: string
  readonly sequence: string
  readonly partitionkey: string
  readonly correlationid: string
  readonly causationid?: string
  readonly traceparent?: string
  readonly authtype: 'service_account' | 'app_user' | 'system'
  readonly authid?: string
  readonly data?: Readonly<Record<string, unknown>>
}

export type NewSubscription = Subscription & ({ readonly secret?: string })

export interface Subscription {
  readonly id: string
  readonly kind: 'webhook'
  readonly product?: string
  readonly url: string
  readonly types?: readonly string[]
  readonly subject?: string
  readonly collection?: string
  readonly description: string
  readonly state: 'ACTIVE' | 'PAUSED' | 'DISABLED'
  readonly disabled_reason?: string
  readonly secret_at: string
  readonly former_secret_until?: string
  readonly created_by: string
  readonly created_at: string
  readonly cursor: number
  readonly failing_since?: string
  readonly etag: string
}

export interface SubscriptionPatch {
  readonly url?: string
  readonly types?: readonly ('asset.created' | 'asset.version_created' | 'asset.version_ready' | 'asset.version_failed' | 'asset.version_failed.v2' | 'asset.version_purged' | 'asset.published' | 'asset.rolled_back' | 'asset.schedule_changed' | 'asset.publish_delayed' | 'asset.archived' | 'asset.deleted' | 'asset.restored' | 'asset.metadata_changed' | 'asset.aliases_changed' | 'asset.erased' | 'rendition.ready' | 'rendition.failed' | 'product.complete' | 'product.degraded' | 'rendition.revised' | 'rendition.retired' | 'rendition.deprecated' | 'grant.changed' | 'policy.changed' | 'contract.registered' | 'operation.finished' | 'subscription.disabled' | 'delivery.dead' | 'drift.detected' | 'drift.healed')[] | null
  readonly subject?: string | null
  readonly collection?: string | null
  readonly description?: string
  readonly state?: 'ACTIVE' | 'PAUSED'
}

export interface RotatedSubscription {
  readonly id: string
  readonly secret?: string
  readonly secret_at: string
  readonly former_secret_until?: string
}

export interface Delivery {
  readonly id: string
  readonly event: string
  readonly seq: number
  readonly type: string
  readonly subject: string
  readonly replay?: string
  readonly state: 'WAITING' | 'PENDING' | 'DONE' | 'DEAD'
  readonly failures: number
  readonly class?: 'timeout' | 'unreachable' | 'url-forbidden' | 'redirect' | 'gone' | 'throttled' | 'refused' | 'failed' | (string & {})
  readonly attempts: readonly ({ readonly at: string; readonly ms: number; readonly status?: number; readonly class?: 'timeout' | 'unreachable' | 'url-forbidden' | 'redirect' | 'gone' | 'throttled' | 'refused' | 'failed' | (string & {}) })[]
  readonly next_try_at?: string
  readonly created_at: string
  readonly finished_at?: string
}

export interface Replay {
  readonly replay?: string
  readonly from_seq: number
  readonly to_seq: number
  readonly told: number
  readonly finished_at?: string
}

export interface TestedSubscription {
  readonly taken: boolean
  readonly status?: number
  readonly class?: 'timeout' | 'unreachable' | 'url-forbidden' | 'redirect' | 'gone' | 'throttled' | 'refused' | 'failed'
  readonly ms: number
  readonly event: string
}

export interface ConsumerContract {
  readonly product: string
  readonly subject: string
  readonly schema: Readonly<Record<string, unknown>>
  readonly registered_by: string
  readonly registered_at: string
}

export interface Consumer {
  readonly product?: string
  readonly subscription?: string
  readonly major: number
  readonly reads: 'all' | 'registered'
}

export interface ContractVerdict {
  readonly compatible: boolean
  readonly mode: 'BACKWARD' | 'BACKWARD_TRANSITIVE' | 'FORWARD' | 'FORWARD_TRANSITIVE' | 'FULL' | 'FULL_TRANSITIVE'
  readonly breaks: readonly ({ readonly pointer: string; readonly rule: 'type' | 'enum' | 'required' | 'unknown-property' | 'range' | 'length' | 'pattern' | 'format' | 'alternative' | 'refused' | 'unsupported' | 'removed'; readonly message: string; readonly versions: readonly string[]; readonly consumers: readonly string[] })[]
}

export interface Contract {
  readonly subject: string
  readonly kind: 'event' | 'request' | 'response'
  readonly mode: 'BACKWARD' | 'BACKWARD_TRANSITIVE' | 'FORWARD' | 'FORWARD_TRANSITIVE' | 'FULL' | 'FULL_TRANSITIVE'
  readonly versions: readonly string[]
  readonly deprecated?: readonly ({ readonly major: number; readonly since: string; readonly sunset: string })[]
}

export interface Version {
  readonly version: number
  readonly state: string
  readonly digest?: string
  readonly filename?: string
  readonly source: { readonly entrance: 'direct' | 'staged' | 'tus' | 'url' | 'import' | 'adapter'; readonly ref?: string }
  readonly failure?: unknown
  readonly created_at?: string
  readonly ready_at?: string
  readonly activated_at?: string
  readonly placeholder?: Placeholder
}

export interface Completeness {
  readonly asset: string
  readonly version: number
  readonly state: 'PENDING' | 'PROCESSING' | 'READY' | 'ACTIVE' | 'ARCHIVED' | 'FAILED' | 'PURGED'
  readonly gate: 'all' | 'owner' | 'none'
  readonly products: readonly ({ readonly product: string; readonly status: 'COMPLETE' | 'PARTIAL' | 'PENDING' | 'DEGRADED' | 'FAILED'; readonly required: number; readonly done: number; readonly dead: number; readonly failed?: readonly ({ readonly rendition: string; readonly format: string; readonly node: string | null; readonly code?: string; readonly attempts?: number; readonly at?: string })[]; readonly pending?: readonly ({ readonly rendition: string; readonly format: string; readonly node: string; readonly state: string; readonly code?: string; readonly attempts?: number })[] })[]
  readonly others?: { readonly products: number; readonly required: number; readonly done: number; readonly dead: number }
  readonly asks: number
  readonly nodes: number
  readonly reused: number
  readonly ready_percent: number
}

export interface Provenance {
  readonly asset: string
  readonly version: number
  readonly entrance: 'direct' | 'staged' | 'tus' | 'url' | 'import' | 'adapter' | (string & {})
  readonly source?: string
  readonly ref?: string
  readonly trust: number
  readonly by: string
  readonly at: string
  readonly filename?: string
  readonly hints?: Readonly<Record<string, unknown>>
  readonly identity_hints?: { readonly [key: string]: string }
  readonly integrity?: { readonly digest: string; readonly bytes: number; readonly media_type: string; readonly stored_at: string; readonly verified_at: string; readonly method: 'ingest' | 'worker'; readonly score: number }
  readonly lineage: readonly ({ readonly product: string; readonly rendition: string; readonly revision: number; readonly format: string; readonly node: string; readonly state: 'PLANNED' | 'QUEUED' | 'RUNNING' | 'RETRY' | 'DONE' | 'DEAD' | 'EVICTED'; readonly inputs: readonly string[]; readonly operations: readonly ({ readonly op: string; readonly epoch: number; readonly params?: unknown })[]; readonly engine?: string; readonly executions: number; readonly made_at?: string; readonly digest?: string; readonly bytes?: number; readonly media_type?: string })[]
}

export interface VersionMetadata {
  readonly asset: string
  readonly version: number
  readonly state: 'read' | 'pending' | 'none'
  readonly edition?: number
  readonly reading: Reading
  readonly from: { readonly [key: string]: 'exif' | 'iptc' | 'xmp' }
  readonly withheld: readonly string[]
  readonly blocks: { readonly [key: string]: { readonly bytes: number; readonly kept: boolean } }
  readonly icc?: { readonly name?: string; readonly space: string; readonly version: string; readonly bytes: number }
  readonly colours?: readonly Swatch[]
}

/** What the bytes say of themselves: texts of strangers, cut and without control characters */
export interface Reading {
  readonly title?: string
  readonly headline?: string
  readonly description?: string
  readonly keywords?: readonly string[]
  readonly creators?: readonly string[]
  readonly credit?: string
  readonly source?: string
  readonly copyright?: string
  readonly usage_terms?: string
  readonly rights_url?: string
  readonly taken_at?: string
  readonly software?: string
  readonly camera?: { readonly make?: string; readonly model?: string }
  readonly lens?: { readonly make?: string; readonly model?: string }
  readonly exposure?: { readonly time?: number; readonly f_number?: number; readonly iso?: number; readonly focal_length?: number; readonly focal_length_35mm?: number; readonly bias?: number; readonly flash?: boolean }
  readonly position?: { readonly latitude?: number; readonly longitude?: number; readonly altitude?: number }
  readonly place?: { readonly sublocation?: string; readonly city?: string; readonly region?: string; readonly country?: string; readonly country_code?: string }
}

/** A colour, and how much of what can be seen is like it */
export interface Swatch {
  readonly colour: string
  readonly share: number
}

export interface FocalPoints {
  readonly asset: string
  readonly focal_point?: FocalPoint
  readonly focal_points: { readonly [key: string]: FocalPoint }
  readonly moving: { readonly outputs: number; readonly open: number; readonly dead: number }
}

export interface AssetPatch {
  readonly labels?: readonly string[] | null
  readonly attributes?: Readonly<Record<string, unknown>>
  readonly focal_point?: { readonly x: number; readonly y: number }
  readonly focal_points?: { readonly [key: string]: FocalPoint & (Readonly<Record<string, unknown>> | null) } | null
}

export interface Publication {
  readonly asset: string
  readonly publication: number
  readonly version: number
  readonly previous_version?: number
}

export type AssetSchedule = Schedule & ({ readonly asset: string })

export interface ScheduleWish {
  readonly publish?: { readonly version: number; readonly at: string }
  readonly until?: string
}

export interface VersionComparison {
  readonly asset: string
  readonly version: number
  readonly with: number
  readonly same_content: boolean
  readonly changes: { readonly [key: string]: { readonly version?: string | number | boolean; readonly with?: string | number | boolean } }
}

/** Progress is told in objects; more turn up while rows are gone through. */
export interface Erasure {
  readonly id: string
  readonly state: 'RUNNING' | 'PAUSED' | 'COMPENSATING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'CANCELLED' | 'COMPENSATED'
  readonly progress: Progress
  readonly steps: readonly ({ readonly name: string; readonly state: 'PENDING' | 'RUNNING' | 'DONE' | 'FAILED' | 'SKIPPED' | 'UNDOING' | 'UNDONE' })[]
  readonly reason: string
  readonly created_by: string
  readonly created_at: string
  readonly finished_at?: string
  readonly kind: 'erase'
  readonly step: string
  readonly asset: string
  readonly version?: number
  readonly collection: string
  readonly max_exposure_until: string
  readonly cached_until: string
  readonly receipt?: ErasureReceipt
}

export interface ErasureReceipt {
  readonly objects: number
  readonly bytes: number
  readonly originals: readonly ({ readonly digest: string; readonly bytes: number; readonly at: string })[]
  readonly derivatives: readonly ({ readonly digest: string; readonly bytes: number; readonly at: string })[]
  readonly kept: readonly ({ readonly kind: 'original' | 'derivative'; readonly digest: string })[]
}

export interface Hold {
  readonly asset: string
  readonly name: string
  readonly reason: string
  readonly set_by: string
  readonly set_at: string
  readonly etag: string
}

/** Where it has limits of its own */
export interface ProductLimits {
  readonly rates?: { readonly resolve?: Quota; readonly cold?: Quota; readonly ingest?: Quota; readonly write?: Quota }
  readonly key_rates?: { readonly resolve?: Quota; readonly cold?: Quota; readonly ingest?: Quota; readonly write?: Quota }
  readonly cpu_seconds_per_day?: number
  readonly stored_bytes?: number
}

export interface Quota {
  readonly requests: number
  readonly seconds: number
}

export interface Product {
  readonly product: string
  readonly display_name: string
  readonly share: number
  readonly limits?: ProductLimits
  readonly origins?: readonly string[]
  readonly client_hints?: boolean
  readonly created_at: string
}

export interface Usage {
  readonly product: string
  readonly day: string
  readonly cpu: { readonly seconds: number; readonly derivatives: number; readonly limit?: number }
  readonly stored: { readonly bytes: number; readonly originals: number; readonly limit?: number }
  readonly tenant?: { readonly bytes: number; readonly originals: number; readonly limit?: number }
  readonly variants: { readonly limit: number }
}

export interface ApiKey {
  readonly id: string
  readonly label: string
  readonly scopes: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[]
  readonly created_at?: string
  readonly expires_at?: string
  readonly revoked_at?: string
  readonly last_used_at?: string
  readonly replaces?: string
  readonly etag: string
}

export interface RotatedKey {
  readonly id: string
  readonly product?: string
  readonly secret?: string
  readonly label: string
  readonly scopes: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[]
  readonly expires_at?: string
  readonly replaces: { readonly id: string; readonly expires_at: string }
}

export interface Issuer {
  readonly iss: string
  readonly audience: string
  readonly jwks_uri: string
  readonly algorithms: readonly ('EdDSA' | 'ES256' | 'RS256')[]
  readonly claim?: string
  readonly subjects: readonly ({ readonly value: string; readonly product?: string; readonly scopes?: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[] })[]
  readonly name: string
}

export interface NewSigningKey {
  readonly kid: string
  readonly product: string
  readonly label: string
  readonly secret?: string
  readonly replaces?: { readonly kid: string; readonly expires_at: string }
}

export interface SigningKey {
  readonly kid: string
  readonly product: string
  readonly label: string
  readonly created_at: string
  readonly expires_at?: string
  readonly revoked_at?: string
  readonly etag: string
}

export interface NewShare {
  readonly id: string
  readonly asset: string
  readonly product: string
  readonly renditions?: readonly string[]
  readonly original: boolean
  readonly created_by: string
  readonly created_at: string
  readonly expires_at: string
  readonly token?: string
  readonly links?: readonly ({ readonly rendition: string; readonly url: string })[]
}

export interface Share {
  readonly id: string
  readonly asset: string
  readonly product: string
  readonly renditions?: readonly string[]
  readonly original: boolean
  readonly created_by: string
  readonly created_at: string
  readonly expires_at: string
  readonly revoked_at?: string
  readonly etag: string
}

export interface CollectionRules {
  readonly media_types?: readonly string[]
  readonly max_bytes?: number
  readonly min_width?: number
  readonly max_width?: number
  readonly min_height?: number
  readonly max_height?: number
  readonly max_pixels?: number
  readonly max_frames?: number
  readonly min_aspect?: number
  readonly max_aspect?: number
  readonly alias_prefixes?: readonly string[]
  readonly alias_namespaces?: readonly string[]
  readonly min_trust?: 1 | 2 | 3
  readonly required?: readonly ('alias' | 'labels' | 'filename' | 'copyright' | 'artist')[]
  readonly required_attributes?: readonly string[]
  readonly scan?: true
}

export interface AccessImpact {
  readonly assets: number
  readonly changes: readonly ({ readonly who: 'product' | 'public'; readonly action: 'resolve' | 'original' | 'read' | 'write' | 'publish' | 'share' | 'erase'; readonly access: 'gained' | 'lost'; readonly from?: 'inside' | 'elsewhere'; readonly before: { readonly effect: 'allow' | 'forbid' | 'hide'; readonly rule: string }; readonly after: { readonly effect: 'allow' | 'forbid' | 'hide'; readonly rule: string }; readonly assets: number; readonly sample?: string })[]
  readonly urls?: { readonly stop: readonly string[]; readonly assets: number; readonly presigned_until: string; readonly cached_until: string }
}

export interface Collection {
  readonly collection: string
  readonly owner: string
  readonly publish_gate: 'all' | 'owner' | 'none'
  readonly rules?: CollectionRules
  readonly keep_versions?: number
  readonly attribute_schema?: Readonly<Record<string, unknown>>
}

/** What attributes are: a subset of JSON Schema 2020-12 (docs/attributes.md); absent: anything */
export type AttributeSchema = Readonly<Record<string, unknown>>

export interface Edge {
  readonly role: 'owner' | 'editor' | 'reader'
  readonly original_access?: boolean
  readonly private_metadata?: boolean
  readonly attributes?: readonly string[]
  readonly visibility?: 'private' | 'public'
  readonly delivery?: 'redirect' | 'stream' | 'accel'
  readonly ad_hoc?: false | AdHoc
  readonly not_before?: string
  readonly expires_at?: string
  readonly conditions?: Conditions
  readonly product: string
}

export interface AdHoc {
  readonly formats?: readonly ('avif' | 'webp' | 'jpeg' | 'png' | 'gif')[]
  readonly sides?: readonly number[]
}

/** All that are named have to be met, or the edge is as if it gave nothing */
export interface Conditions {
  readonly media_types?: readonly string[]
  readonly labels?: { readonly all?: readonly string[]; readonly any?: readonly string[] }
  readonly networks?: readonly string[]
}

export interface AssetEdge {
  readonly role: 'owner' | 'editor' | 'reader' | 'none'
  readonly original_access?: boolean
  readonly attributes?: readonly string[]
  readonly visibility?: 'private' | 'public'
  readonly not_before?: string
  readonly expires_at?: string
  readonly conditions?: Conditions
  readonly product: string
}

export interface PolicyTest {
  readonly passed: number
  readonly failed: number
  readonly results: readonly ({ readonly name: string; readonly passed: boolean; readonly effect: 'allow' | 'forbid' | 'hide'; readonly rule: string; readonly expected: { readonly effect: 'allow' | 'forbid' | 'hide'; readonly rule?: string }; readonly trail: readonly ({ readonly rule: string; readonly result: string })[] })[]
}

export interface Matrix {
  readonly items: readonly ({ readonly collection: string; readonly owner: string; readonly publish_gate: 'all' | 'owner' | 'none'; readonly edges: readonly (Edge & ({ readonly holds: 'now' | 'later' | 'over' }))[]; readonly single_assets: readonly ({ readonly product: string; readonly role: 'owner' | 'editor' | 'reader' | 'none'; readonly assets: number })[] })[]
  readonly next_cursor?: string
}

export interface AssetMatrix {
  readonly asset: string
  readonly collection: string
  readonly media_type?: string
  readonly labels: readonly string[]
  readonly cells: readonly (AssetEdge & ({ readonly from: 'collection' | 'asset'; readonly holds: 'now' | 'later' | 'over'; readonly may: readonly ('resolve' | 'original' | 'read' | 'write' | 'publish' | 'share' | 'erase')[] }))[]
}

export type WrittenRendition = Rendition & ({ readonly impact: Impact; readonly operation?: Backfill })

export interface Impact {
  readonly versions_affected: number
  readonly versions_planned: number
  readonly nodes_new: number
  readonly nodes_existing: number
  readonly refused: number
  readonly estimated_cpu_seconds: number
  readonly estimated_bytes: number
}

/** The backfill that was started */
export interface Backfill {
  readonly id: string
  readonly state: 'RUNNING' | 'PAUSED' | 'COMPENSATING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'CANCELLED' | 'COMPENSATED'
  readonly progress: Progress
  readonly steps: readonly ({ readonly name: string; readonly state: 'PENDING' | 'RUNNING' | 'DONE' | 'FAILED' | 'SKIPPED' | 'UNDOING' | 'UNDONE' })[]
  readonly reason?: string
  readonly created_by: string
  readonly created_at: string
  readonly finished_at?: string
  readonly kind: 'backfill'
  readonly collection: string
  readonly product: string
  readonly rendition: string
  readonly revision: number
  readonly cpu_ms: number
}

export interface Rendition {
  readonly collection: string
  readonly product: string
  readonly name: string
  readonly revision: number
  readonly lane: 'eager' | 'lazy'
  readonly recipe: Readonly<Record<string, unknown>>
  readonly recipe_hash: string
  readonly state: 'active' | 'deprecated'
  readonly deprecation?: { readonly since: string; readonly sunset: string }
}

export interface DeadLetter {
  readonly kind: 'node'
  readonly id: string
  readonly original: string
  readonly format: string
  readonly class: string
  readonly attempts: number
  readonly crashes: number
  readonly at: string
  readonly asks: number
  readonly asked_by: readonly ({ readonly product: string; readonly asset: string; readonly version: number; readonly rendition: string })[]
}

export interface DeadDelivery {
  readonly kind: 'delivery'
  readonly id: string
  readonly subscription: string
  readonly product?: string
  readonly event: string
  readonly seq: number
  readonly type: string
  readonly subject: string
  readonly class: string
  readonly failures: number
  readonly at: string
}

export interface Redriven {
  readonly redriven: number
  readonly remaining: number
  readonly before?: string
}

export interface Redrive {
  readonly kind?: 'node' | 'delivery'
  readonly ids?: readonly string[]
  readonly class?: string
  readonly before?: string
}

export type Operation = Backfill & unknown | Erasure | RolloutOperation | Import

export interface RolloutOperation {
  readonly id: string
  readonly state: 'RUNNING' | 'PAUSED' | 'COMPENSATING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'CANCELLED' | 'COMPENSATED'
  readonly progress: Progress
  readonly steps: readonly ({ readonly name: string; readonly state: 'PENDING' | 'RUNNING' | 'DONE' | 'FAILED' | 'SKIPPED' | 'UNDOING' | 'UNDONE' })[]
  readonly reason?: string
  readonly created_by: string
  readonly created_at: string
  readonly finished_at?: string
  readonly kind: 'rollout'
  readonly phase: 'PLANNING' | 'COMPARING' | 'READY' | 'PROMOTING' | 'PROMOTED' | 'ROLLING_BACK' | 'ROLLED_BACK'
  readonly engine: string
  readonly collection?: string
  readonly share: number
  readonly report: string
}

export interface Purge {
  readonly id: string
  readonly reason: 'publish' | 'archive' | 'delete' | 'erase' | 'grant' | 'rendition' | 'labels' | 'signing-key' | 'share' | 'product' | 'version' | (string & {})
  readonly subject: string
  readonly tags: readonly string[]
  readonly state: 'PENDING' | 'DONE' | 'DEAD'
  readonly tries: number
  readonly targets: { readonly [key: string]: { readonly state: 'PENDING' | 'DONE' | 'DEAD'; readonly tries: number; readonly answer: string; readonly at?: string } }
  readonly last_answer?: string
  readonly created_at: string
  readonly finished_at?: string
}

export interface Engine {
  readonly line: string
  readonly builds: readonly EngineBuild[]
}

export interface EngineBuild {
  readonly line: string
  readonly fingerprint: string
  readonly parts: { readonly [key: string]: string }
  readonly seen_at: string
  readonly registered: boolean
  readonly registered_at?: string
  readonly registered_by?: string
}

export interface EngineRegistration {
  readonly fingerprint: string
  readonly line?: string
}

export interface Rollout {
  readonly id: string
  readonly state: 'PLANNING' | 'COMPARING' | 'READY' | 'PROMOTING' | 'PROMOTED' | 'ROLLING_BACK' | 'ROLLED_BACK'
  readonly engine: string
  readonly collection?: string
  readonly share: number
  readonly progress: { readonly assets: number; readonly leaves: number; readonly moved: number }
  readonly created_by: string
  readonly created_at: string
  readonly moved_by?: string
}

export interface RolloutWish {
  readonly share: number
  readonly collection?: string
}

export interface RolloutReport {
  readonly id: string
  readonly state: 'PLANNING' | 'COMPARING' | 'READY' | 'PROMOTING' | 'PROMOTED' | 'ROLLING_BACK' | 'ROLLED_BACK'
  readonly engine: string
  readonly collection?: string
  readonly share: number
  readonly progress: { readonly assets: number; readonly leaves: number; readonly moved: number }
  readonly created_by: string
  readonly created_at: string
  readonly moved_by?: string
  readonly compared: number
  readonly failed: number
  readonly ssim: readonly ({ readonly from: number; readonly leaves: number })[]
  readonly worst: readonly ({ readonly n: number; readonly asset: string; readonly version: number; readonly product: string; readonly rendition: string; readonly revision: number; readonly format: string; readonly ssim?: number; readonly largest_difference?: number; readonly failure?: string; readonly picture?: string })[]
}

export interface Costs {
  readonly machines: readonly ({ readonly machine: string; readonly measured_at?: string; readonly pending: boolean; readonly factors: { readonly [key: string]: number } })[]
}

export interface AuditRow {
  readonly no?: number
  readonly id: string
  readonly at: string
  readonly tenant: string
  readonly actor: string
  readonly actor_kind: 'key' | 'token' | 'link' | 'anonymous' | 'unknown' | 'system'
  readonly product?: string
  readonly action: string
  readonly resource: string
  readonly outcome: 'allowed' | 'denied'
  readonly reasons: readonly string[]
  readonly count: number
  readonly request_id: string
  readonly correlation_id: string
  readonly client?: string
  readonly before?: Readonly<Record<string, unknown>>
  readonly after?: Readonly<Record<string, unknown>>
  readonly prev_hash?: string
  readonly hash?: string
}

export interface AuditVerification {
  readonly intact: boolean
  readonly complete: boolean
  readonly to: { readonly no: number; readonly hash: string }
  readonly head: { readonly no: number; readonly hash: string }
  readonly unchained: number
  readonly broken?: { readonly no: number; readonly what: 'missing' | 'unlinked' | 'changed' | 'other-end'; readonly id?: string }
}

export interface Capabilities {
  readonly engine: { readonly line: string; readonly versions: { readonly sharp: string; readonly libvips: string } }
  readonly input: { readonly formats: readonly string[]; readonly limits: { readonly bytes: number; readonly side: number; readonly pixels: number; readonly frames: number; readonly pixels_of_all_frames: number } }
  readonly output: readonly ({ readonly format: 'avif' | 'webp' | 'jpeg' | 'png' | 'gif'; readonly media_type: string; readonly extension: string; readonly animated: boolean; readonly limits: { readonly bytes: number; readonly side: number; readonly pixels: number }; readonly parameters: readonly ({ readonly parameter: string; readonly values: string; readonly default: string; readonly description: string })[] })[]
  readonly operations: readonly ({ readonly operation: string; readonly parameters: readonly ({ readonly parameter: string; readonly values: string; readonly default: string; readonly description: string })[] })[]
}

export interface Sla {
  readonly at: string
  readonly window_seconds: number
  readonly met: boolean
  readonly levels: readonly ({ readonly class: string; readonly about: string; readonly scope: 'gateway' | 'tenant'; readonly goal: number | null; readonly count: number; readonly p50: number | null; readonly p95: number | null; readonly p99: number | null; readonly errors: number; readonly met: boolean | null })[]
  readonly given_up: { readonly nodes: number; readonly deliveries: number; readonly purges: number }
  readonly waiting: { readonly nodes: number; readonly deliveries: number; readonly events: number }
}

export interface Readiness {
  readonly status: 'ready' | 'not-ready'
  readonly checks: { readonly [key: string]: 'ok' | 'down' }
  readonly dependencies: { readonly [key: string]: { readonly breaker: 'closed' | 'half-open' | 'open'; readonly degraded?: string } }
}

export interface Efficiency {
  readonly asks: number
  readonly nodes: number
  readonly executions: number
  readonly bytes: { readonly originals: number; readonly derivatives: number; readonly siloed: number }
  readonly cpu_ms: { readonly spent: number; readonly siloed: number }
  readonly storage_efficiency: number
  readonly siloed_storage_efficiency: number
  readonly compute_ratio: number
  readonly saved: { readonly cpu_ms: number; readonly bytes: number }
  readonly products: readonly ({ readonly product: string; readonly asks: number; readonly nodes: number; readonly shared: number; readonly cpu_ms: { readonly spent: number; readonly siloed: number }; readonly bytes: { readonly derivatives: number; readonly siloed: number } })[]
}

export interface Diagnosis {
  readonly healthy: boolean
  readonly checks: readonly ({ readonly check: string; readonly ok: boolean; readonly detail?: unknown })[]
}

/** What each route takes and answers. */
export interface Routes {
  /** Which URL, for this product and this caller, now */
  'GET /v1/products/{product}/assets/{asset}/renditions/{rendition}': { readonly path: { readonly product: string | number; readonly asset: string | number; readonly rendition: string | number }; readonly query?: { readonly format?: 'auto' | 'avif' | 'webp' | 'jpeg' | 'png' | 'gif'; readonly version?: string; readonly wait?: number; readonly dpr?: '1' | '2' | '3' | '1.5'; readonly fallback?: 'previous' | 'none'; readonly min?: string; readonly delivery?: 'json' | 'redirect' | 'stream'; readonly explain?: '0' | '1'; readonly as?: string }; readonly answer: Resolution | Explanation | Pending }
  /** A derivative by URL: `/i/{product}/{asset}/v{n}|current/{rendition}.{ext|auto}` */
  'GET /i/{product}/{asset}/{version}/{file}': { readonly path: { readonly product: string | number; readonly asset: string | number; readonly version: string | number; readonly file: string | number }; readonly query?: { readonly dl?: string; readonly exp?: string; readonly kid?: string; readonly sig?: string }; readonly answer: Info | Pending }
  /** The same, signed in the path: `/s/{kid}.{exp}.{sig}/i/…` */
  'GET /s/{proof}/i/{product}/{asset}/{version}/{file}': { readonly path: { readonly product: string | number; readonly asset: string | number; readonly version: string | number; readonly file: string | number; readonly proof: string | number }; readonly answer: Info | Pending }
  /** The same, by a share link */
  'GET /share/{token}/i/{product}/{asset}/{version}/{file}': { readonly path: { readonly product: string | number; readonly asset: string | number; readonly version: string | number; readonly file: string | number; readonly token: string | number }; readonly answer: Info | Pending }
  /** Up to 200 resolutions at once */
  'POST /v1/products/{product}/resolve/batch': { readonly path: { readonly product: string | number }; readonly body: { readonly items: readonly ({ readonly asset: string; readonly rendition: string; readonly format?: 'auto' | 'jpg' | 'avif' | 'webp' | 'jpeg' | 'png' | 'gif'; readonly version?: number | 'current'; readonly dpr?: 1 | 1.5 | 2 | 3 })[] } | readonly ({ readonly asset: string; readonly rendition: string; readonly format?: 'auto' | 'jpg' | 'avif' | 'webp' | 'jpeg' | 'png' | 'gif'; readonly version?: number | 'current'; readonly dpr?: 1 | 1.5 | 2 | 3 })[]; readonly answer: { readonly items: readonly BatchItem[] } }
  /** Everything for a `<picture>`: sources by format, widths, placeholder, and the element as text */
  'GET /v1/products/{product}/assets/{asset}/picture': { readonly path: { readonly product: string | number; readonly asset: string | number }; readonly query: { readonly renditions: string; readonly sizes?: string; readonly version?: number | 'current'; readonly dpr?: string; readonly wait?: string; readonly min?: string }; readonly answer: Picture | PendingPicture | Pending }
  /** Everything that the product can resolve, a line each, in the order of asset, rendition and format */
  'GET /v1/products/{product}/manifest': { readonly path: { readonly product: string | number }; readonly query?: { readonly collection?: string; readonly updated_after?: string }; readonly answer: Response }
  /** What a copy lacks, has too much, and has in other bytes */
  'POST /v1/products/{product}/manifest/compare': { readonly path: { readonly product: string | number }; readonly query?: { readonly collection?: string; readonly updated_after?: string; readonly first?: number }; readonly body: Bytes; readonly answer: ManifestComparison }
  /** Bytes by their SHA-256, for a cache in front: `/o/{first two digits}/{sha256}.{ext|original}` */
  'GET /o/{prefix}/{file}': { readonly path: { readonly prefix: string | number; readonly file: string | number }; readonly answer: undefined }
  /** Assets that the caller may see, found by what they are */
  'GET /v1/assets': { readonly query?: { readonly collection?: string; readonly state?: string; readonly labels?: string; readonly attribute?: readonly string[]; readonly alias_prefix?: string; readonly text?: string; readonly owner?: string; readonly media_type?: string; readonly min_bytes?: number; readonly max_bytes?: number; readonly min_width?: number; readonly max_width?: number; readonly min_height?: number; readonly max_height?: number; readonly created_after?: string; readonly created_before?: string; readonly updated_after?: string; readonly updated_before?: string; readonly sort?: 'created' | '-created' | 'updated' | '-updated'; readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly Asset[]; readonly next_cursor?: string } }
  /** Upload an original as a new asset; where the body is JSON, all wishes are in it and none in the query */
  'POST /v1/assets': { readonly query?: { readonly publish?: 'when-ready' | 'now' | 'manual'; readonly filename?: string; readonly aliases?: string; readonly identity_hints?: string; readonly collection?: string; readonly labels?: string; readonly attributes?: string; readonly alias?: string }; readonly body: Bytes | { readonly publish?: 'when-ready' | 'now' | 'manual'; readonly filename?: string; readonly aliases?: readonly ({ readonly namespace: string; readonly external_id: string })[]; readonly identity_hints?: { readonly [key: string]: string }; readonly sha256?: string; readonly collection: string; readonly labels?: readonly string[]; readonly attributes?: Readonly<Record<string, unknown>>; readonly alias?: string; readonly source_url: string } | { readonly upload_id: string }; readonly answer: IngestedVersion }
  /** Every version, newest first; drafts for those who may publish them */
  'GET /v1/assets/{asset}/versions': { readonly path: { readonly asset: string | number }; readonly query?: { readonly state?: 'PENDING' | 'PROCESSING' | 'READY' | 'ACTIVE' | 'ARCHIVED' | 'FAILED' | 'PURGED' }; readonly answer: { readonly items: readonly Version[] } }
  /** Upload the next version of an asset */
  'POST /v1/assets/{asset}/versions': { readonly path: { readonly asset: string | number }; readonly query?: { readonly publish?: 'when-ready' | 'now' | 'manual'; readonly filename?: string; readonly aliases?: string; readonly identity_hints?: string }; readonly body: Bytes | { readonly publish?: 'when-ready' | 'now' | 'manual'; readonly filename?: string; readonly aliases?: readonly ({ readonly namespace: string; readonly external_id: string })[]; readonly identity_hints?: { readonly [key: string]: string }; readonly sha256?: string; readonly source_url: string } | { readonly upload_id: string }; readonly answer: IngestedVersion }
  /** Begin an upload that can be resumed (tus 1.0) */
  'POST /v1/tus': { readonly body?: Bytes; readonly answer: undefined }
  /** An upload as a document: state, offset, and what became of it */
  'GET /v1/tus/{upload}': { readonly path: { readonly upload: string | number }; readonly answer: ResumableUpload }
  /** How far an upload is; nothing that is still under way elsewhere counts afterwards */
  'HEAD /v1/tus/{upload}': { readonly path: { readonly upload: string | number }; readonly answer: undefined }
  /** Send bytes from an offset on; the last ones are answered when the version is stored */
  'PATCH /v1/tus/{upload}': { readonly path: { readonly upload: string | number }; readonly body: Bytes; readonly answer: undefined }
  /** End an upload that is not finished */
  'DELETE /v1/tus/{upload}': { readonly path: { readonly upload: string | number }; readonly answer: undefined }
  /** Reserve an upload that is put straight into the store */
  'POST /v1/uploads': { readonly body: { readonly publish?: 'when-ready' | 'now' | 'manual'; readonly filename?: string; readonly aliases?: readonly ({ readonly namespace: string; readonly external_id: string })[]; readonly identity_hints?: { readonly [key: string]: string }; readonly sha256?: string; readonly collection?: string; readonly asset?: string; readonly bytes: number; readonly media_type?: string; readonly alias?: string; readonly labels?: readonly string[]; readonly attributes?: Readonly<Record<string, unknown>> }; readonly answer: Upload }
  /** How far an upload is, with fresh URLs for what has not come */
  'GET /v1/uploads/{upload}': { readonly path: { readonly upload: string | number }; readonly answer: Upload }
  /** Give an upload up: what has come of it is removed */
  'DELETE /v1/uploads/{upload}': { readonly path: { readonly upload: string | number }; readonly answer: undefined }
  /** Make a version of what has come */
  'POST /v1/uploads/{upload}/complete': { readonly path: { readonly upload: string | number }; readonly body?: UploadCompletion; readonly answer: IngestedVersion }
  /** Make assets and versions by a manifest, a line each */
  'POST /v1/assets/import': { readonly body: Bytes; readonly answer: Import }
  /** What became of each line of an import, in their order */
  'GET /v1/operations/{operation}/results': { readonly path: { readonly operation: string | number }; readonly query?: { readonly state?: 'waiting' | 'done' | 'failed' | 'skipped' | 'undone' | 'not-undone'; readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly ImportResult[]; readonly next_cursor?: string } }
  /** A webhook of another system, signed as its source is configured */
  'POST /v1/ingest/{source}': { readonly path: { readonly source: string | number }; readonly body: unknown; readonly answer: AcceptedEvent }
  /** A system that originals are taken from */
  'GET /v1/sources/{source}': { readonly path: { readonly source: string | number }; readonly answer: Source }
  /** Take originals from another system, by its webhooks to /v1/ingest/{source} */
  'PUT /v1/sources/{source}': { readonly path: { readonly source: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly adapter: 'cloudevents' | 's3-events'; readonly product: string; readonly collection: string; readonly scheme: 'standard-webhooks' | 'hmac-sha256' | 'bearer'; readonly header?: string; readonly base_url?: string; readonly bucket_key?: { readonly id: string; readonly region?: string }; readonly trust?: number; readonly publish?: 'when-ready' | 'now' | 'manual'; readonly bucket_secret?: string; readonly secret?: string }; readonly answer: Source }
  /** Take nothing more from it; what it has brought stays, what is not done yet will not be */
  'DELETE /v1/sources/{source}': { readonly path: { readonly source: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly answer: undefined }
  /** The systems that originals are taken from */
  'GET /v1/sources': { readonly answer: { readonly items: readonly Source[] } }
  /** What its payloads led to, newest first */
  'GET /v1/sources/{source}/items': { readonly path: { readonly source: string | number }; readonly query?: { readonly state?: 'PENDING' | 'DONE' | 'DEAD'; readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly SourceItem[]; readonly next_cursor?: string } }
  /** A payload, byte for byte as it came */
  'GET /v1/sources/{source}/events/{event}': { readonly path: { readonly source: string | number; readonly event: string | number }; readonly answer: Response }
  /** Try what was given up once more */
  'POST /v1/sources/{source}/redrive': { readonly path: { readonly source: string | number }; readonly answer: { readonly redriven: number } }
  /** An asset */
  'GET /v1/assets/{asset}': { readonly path: { readonly asset: string | number }; readonly answer: Asset }
  /** Merge labels, attributes and focal points into those of an asset (RFC 7396) */
  'PATCH /v1/assets/{asset}': { readonly path: { readonly asset: string | number }; readonly body: AssetPatch; readonly answer: Asset }
  /** Delete an asset: it may be had back for a while, and is erased then */
  'DELETE /v1/assets/{asset}': { readonly path: { readonly asset: string | number }; readonly answer: undefined }
  /** The asset that another system calls so; in the namespace `alias`, by the alias of the asset */
  'GET /v1/aliases/{namespace}/{external_id}': { readonly path: { readonly namespace: string | number; readonly external_id: string | number }; readonly answer: Asset }
  /** What other systems call an asset */
  'GET /v1/assets/{asset}/aliases': { readonly path: { readonly asset: string | number }; readonly answer: Aliases }
  /** Give an asset names of other systems, and take some away: all of it or nothing */
  'POST /v1/assets/{asset}/aliases': { readonly path: { readonly asset: string | number }; readonly body: AliasesChange; readonly answer: Aliases }
  /** The log of events in its order, as far as the caller may hear of it */
  'GET /v1/events': { readonly query?: { readonly after?: number; readonly types?: string; readonly subject?: string; readonly limit?: number }; readonly answer: { readonly items: readonly Event[]; readonly next_after: number; readonly head: number } }
  /** Events as they happen, as server-sent events */
  'GET /v1/events/stream': { readonly query?: { readonly after?: number; readonly types?: string; readonly subject?: string; readonly seconds?: number }; readonly answer: Response }
  /** An event */
  'GET /v1/events/{event}': { readonly path: { readonly event: string | number }; readonly query?: { readonly major?: number }; readonly answer: Event }
  /** Subscriptions of the product, or for an administrator of the tenant, oldest first */
  'GET /v1/subscriptions': { readonly query?: { readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly Subscription[]; readonly next_cursor?: string } }
  /** Tell a webhook of events from now on; its secret is shown this once */
  'POST /v1/subscriptions': { readonly body: { readonly kind?: 'webhook'; readonly product?: string; readonly url: string; readonly types?: readonly ('asset.created' | 'asset.version_created' | 'asset.version_ready' | 'asset.version_failed' | 'asset.version_failed.v2' | 'asset.version_purged' | 'asset.published' | 'asset.rolled_back' | 'asset.schedule_changed' | 'asset.publish_delayed' | 'asset.archived' | 'asset.deleted' | 'asset.restored' | 'asset.metadata_changed' | 'asset.aliases_changed' | 'asset.erased' | 'rendition.ready' | 'rendition.failed' | 'product.complete' | 'product.degraded' | 'rendition.revised' | 'rendition.retired' | 'rendition.deprecated' | 'grant.changed' | 'policy.changed' | 'contract.registered' | 'operation.finished' | 'subscription.disabled' | 'delivery.dead' | 'drift.detected' | 'drift.healed')[]; readonly subject?: string; readonly collection?: string; readonly description?: string }; readonly answer: NewSubscription }
  /** A subscription */
  'GET /v1/subscriptions/{subscription}': { readonly path: { readonly subscription: string | number }; readonly answer: Subscription }
  /** Pause or resume it, or say anew where it is told what */
  'PATCH /v1/subscriptions/{subscription}': { readonly path: { readonly subscription: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: SubscriptionPatch; readonly answer: Subscription }
  /** Tell it nothing more; what it was still to be told is forgotten */
  'DELETE /v1/subscriptions/{subscription}': { readonly path: { readonly subscription: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly answer: undefined }
  /** A new secret; the old one signs as well for the overlap. Shown this once */
  'POST /v1/subscriptions/{subscription}/rotate-secret': { readonly path: { readonly subscription: string | number }; readonly body: { readonly overlap?: number | string }; readonly answer: RotatedSubscription }
  /** Events for a subscription with their tries, newest first */
  'GET /v1/subscriptions/{subscription}/deliveries': { readonly path: { readonly subscription: string | number }; readonly query?: { readonly state?: 'WAITING' | 'PENDING' | 'DONE' | 'DEAD'; readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly Delivery[]; readonly next_cursor?: string } }
  /** Tell what was given up once more, of that what fits everything that is given */
  'POST /v1/subscriptions/{subscription}/redrive': { readonly path: { readonly subscription: string | number }; readonly body: { readonly ids?: readonly string[]; readonly class?: 'timeout' | 'unreachable' | 'url-forbidden' | 'redirect' | 'gone' | 'throttled' | 'refused' | 'failed'; readonly from_seq?: number; readonly to_seq?: number; readonly types?: readonly ('asset.created' | 'asset.version_created' | 'asset.version_ready' | 'asset.version_failed' | 'asset.version_failed.v2' | 'asset.version_purged' | 'asset.published' | 'asset.rolled_back' | 'asset.schedule_changed' | 'asset.publish_delayed' | 'asset.archived' | 'asset.deleted' | 'asset.restored' | 'asset.metadata_changed' | 'asset.aliases_changed' | 'asset.erased' | 'rendition.ready' | 'rendition.failed' | 'product.complete' | 'product.degraded' | 'rendition.revised' | 'rendition.retired' | 'rendition.deprecated' | 'grant.changed' | 'policy.changed' | 'contract.registered' | 'operation.finished' | 'subscription.disabled' | 'delivery.dead' | 'drift.detected' | 'drift.healed')[]; readonly subject?: string }; readonly answer: { readonly redriven: number } }
  /** The replay that is under way */
  'GET /v1/subscriptions/{subscription}/replay': { readonly path: { readonly subscription: string | number }; readonly answer: Replay }
  /** Tell a part of the log once more to this subscription alone */
  'POST /v1/subscriptions/{subscription}/replay': { readonly path: { readonly subscription: string | number }; readonly body: { readonly from_seq?: number; readonly to_seq?: number; readonly types?: readonly ('asset.created' | 'asset.version_created' | 'asset.version_ready' | 'asset.version_failed' | 'asset.version_failed.v2' | 'asset.version_purged' | 'asset.published' | 'asset.rolled_back' | 'asset.schedule_changed' | 'asset.publish_delayed' | 'asset.archived' | 'asset.deleted' | 'asset.restored' | 'asset.metadata_changed' | 'asset.aliases_changed' | 'asset.erased' | 'rendition.ready' | 'rendition.failed' | 'product.complete' | 'product.degraded' | 'rendition.revised' | 'rendition.retired' | 'rendition.deprecated' | 'grant.changed' | 'policy.changed' | 'contract.registered' | 'operation.finished' | 'subscription.disabled' | 'delivery.dead' | 'drift.detected' | 'drift.healed')[]; readonly subject?: string; readonly since?: string; readonly until?: string; readonly only?: 'all' | 'failed' }; readonly answer: Replay }
  /** Tell it an event that says nothing, now, and say what it answered */
  'POST /v1/subscriptions/{subscription}/test': { readonly path: { readonly subscription: string | number }; readonly answer: TestedSubscription }
  /** What the product has said that it reads of it */
  'GET /v1/products/{product}/contracts/{subject}': { readonly path: { readonly product: string | number; readonly subject: string | number }; readonly answer: ConsumerContract }
  /** Say what the product reads of it, or sends: the part that it needs */
  'PUT /v1/products/{product}/contracts/{subject}': { readonly path: { readonly product: string | number; readonly subject: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly schema: Readonly<Record<string, unknown>> }; readonly answer: ConsumerContract }
  /** Say no more what the product reads of it */
  'DELETE /v1/products/{product}/contracts/{subject}': { readonly path: { readonly product: string | number; readonly subject: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly answer: undefined }
  /** All that the product has said that it reads */
  'GET /v1/products/{product}/contracts': { readonly path: { readonly product: string | number }; readonly answer: { readonly items: readonly ConsumerContract[] } }
  /** Who relies on it: subscriptions that ask for the type, and products that have said what they read */
  'GET /v1/contracts/{subject}/consumers': { readonly path: { readonly subject: string | number }; readonly answer: { readonly items: readonly Consumer[] } }
  /** Whether a contract could become this, and who would be broken. Nothing is changed */
  'POST /v1/contracts/check': { readonly body: { readonly subject: string; readonly schema: Readonly<Record<string, unknown>> }; readonly answer: ContractVerdict }
  /** What is told, and how: AsyncAPI 3 */
  'GET /asyncapi.json': { readonly answer: Readonly<Record<string, unknown>> }
  /** Subjects, with the versions that there are of each */
  'GET /v1/contracts': { readonly query?: { readonly kind?: 'event' | 'request' | 'response' }; readonly answer: { readonly items: readonly Contract[] } }
  /** A subject */
  'GET /v1/contracts/{subject}': { readonly path: { readonly subject: string | number }; readonly answer: Contract }
  /** A version as JSON Schema: of an event its `data`; of a request its `query`, `headers` and `body`; of an answer its body by status */
  'GET /v1/contracts/{subject}/{version}': { readonly path: { readonly subject: string | number; readonly version: string | number }; readonly answer: Response }
  /** One version */
  'GET /v1/assets/{asset}/versions/{version}': { readonly path: { readonly asset: string | number; readonly version: string | number }; readonly answer: Version }
  /** Discard a version that has never been published; what it alone was made of is erased */
  'DELETE /v1/assets/{asset}/versions/{version}': { readonly path: { readonly asset: string | number; readonly version: string | number }; readonly answer: Erasure }
  /** What is ready for whom, and what blocks */
  'GET /v1/assets/{asset}/versions/{version}/completeness': { readonly path: { readonly asset: string | number; readonly version: string | number }; readonly answer: Completeness }
  /** The graph of a version: rungs, nodes, who shares them, what they cost */
  'GET /v1/assets/{asset}/versions/{version}/plan': { readonly path: { readonly asset: string | number; readonly version: string | number }; readonly answer: { readonly text?: string } }
  /** Up to 200 assets by their ids */
  'POST /v1/assets/batchGet': { readonly body: { readonly ids: readonly string[] }; readonly answer: { readonly items: readonly ({ readonly id: string; readonly asset: Asset } | { readonly id: string; readonly problem: Problem })[] } }
  /** Where a version comes from, and from what each derivative was made by which operations */
  'GET /v1/assets/{asset}/versions/{version}/provenance': { readonly path: { readonly asset: string | number; readonly version: string | number }; readonly answer: Provenance }
  /** What the bytes say of themselves: EXIF, IPTC and XMP in one shape, colour profile, colours */
  'GET /v1/assets/{asset}/versions/{version}/metadata': { readonly path: { readonly asset: string | number; readonly version: string | number }; readonly answer: VersionMetadata }
  /** EXIF, IPTC or XMP as it stands in the original; for those who may have the original */
  'GET /v1/assets/{asset}/versions/{version}/metadata/{block}': { readonly path: { readonly asset: string | number; readonly version: string | number; readonly block: string | number }; readonly answer: Response }
  /** What crops keep in sight, and what of a change of it is still to be made */
  'GET /v1/assets/{asset}/focal-points': { readonly path: { readonly asset: string | number }; readonly answer: FocalPoints }
  /** The completeness of a version whenever it changes, as server-sent events */
  'GET /v1/assets/{asset}/versions/{version}/progress': { readonly path: { readonly asset: string | number; readonly version: string | number }; readonly answer: Response }
  /** Make a complete version the current one */
  'POST /v1/assets/{asset}/publish': { readonly path: { readonly asset: string | number }; readonly body: { readonly version: number }; readonly answer: Publication }
  /** Make the version before the current one, or a given one, current again */
  'POST /v1/assets/{asset}/rollback': { readonly path: { readonly asset: string | number }; readonly body: { readonly to?: number }; readonly answer: Publication }
  /** Call the bytes of a version clean that scanners hold, or have not looked at */
  'POST /v1/assets/{asset}/versions/{version}/release': { readonly path: { readonly asset: string | number; readonly version: string | number }; readonly body: { readonly reason: string }; readonly answer: { readonly asset: string; readonly version: number; readonly scan: 'clean' } }
  /** What is set for a time */
  'GET /v1/assets/{asset}/schedule': { readonly path: { readonly asset: string | number }; readonly answer: AssetSchedule }
  /** Set the time of a publish, of the end of the asset, or of both, in place of what was set */
  'PUT /v1/assets/{asset}/schedule': { readonly path: { readonly asset: string | number }; readonly body: ScheduleWish; readonly answer: AssetSchedule }
  /** Take back what is set; a version that was to be published stays as it is */
  'DELETE /v1/assets/{asset}/schedule': { readonly path: { readonly asset: string | number }; readonly answer: undefined }
  /** What differs between a version and the current one, or a given one */
  'GET /v1/assets/{asset}/versions/{version}/compare': { readonly path: { readonly asset: string | number; readonly version: string | number }; readonly query?: { readonly with?: number }; readonly answer: VersionComparison }
  /** Stop answering for this asset; its history stays */
  'POST /v1/assets/{asset}/archive': { readonly path: { readonly asset: string | number }; readonly answer: Asset & ({ readonly max_exposure_until?: string }) }
  /** Answer for an archived asset again */
  'POST /v1/assets/{asset}/restore': { readonly path: { readonly asset: string | number }; readonly answer: Asset & ({ readonly max_exposure_until?: string }) }
  /** Have a deleted asset back, while the grace lasts */
  'POST /v1/assets/{asset}/undelete': { readonly path: { readonly asset: string | number }; readonly answer: Asset & ({ readonly max_exposure_until?: string }) }
  /** Erase an asset for good: its originals, all that was made of them, and what points there */
  'POST /v1/assets/{asset}/erase': { readonly path: { readonly asset: string | number }; readonly body: { readonly reason: string }; readonly answer: Erasure }
  /** Hold an asset: nothing of it is deleted, erased or pruned until every hold is lifted */
  'PUT /v1/assets/{asset}/holds/{hold}': { readonly path: { readonly asset: string | number; readonly hold: string | number }; readonly body: { readonly reason: string }; readonly answer: Hold }
  /** Lift a hold; what was to be deleted meanwhile goes as soon as none is left */
  'DELETE /v1/assets/{asset}/holds/{hold}': { readonly path: { readonly asset: string | number; readonly hold: string | number }; readonly answer: undefined }
  /** What holds an asset */
  'GET /v1/assets/{asset}/holds': { readonly path: { readonly asset: string | number }; readonly answer: { readonly items: readonly Hold[] } }
  /** What is held, by asset and name */
  'GET /v1/holds': { readonly query?: { readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly Hold[]; readonly next_cursor?: string } }
  /** A product */
  'GET /v1/products/{product}': { readonly path: { readonly product: string | number }; readonly answer: { readonly product: string; readonly display_name: string; readonly share: number; readonly limits?: ProductLimits; readonly origins?: readonly string[]; readonly client_hints?: boolean } }
  /** Create or rename a product, and set its limits and what browsers may do */
  'PUT /v1/products/{product}': { readonly path: { readonly product: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly display_name: string; readonly share?: number; readonly limits?: ProductLimits & unknown; readonly origins?: readonly string[]; readonly client_hints?: boolean }; readonly answer: { readonly product: string; readonly display_name: string; readonly share: number; readonly limits?: ProductLimits; readonly origins?: readonly string[]; readonly client_hints?: boolean } }
  /** Products by name */
  'GET /v1/products': { readonly query?: { readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly Product[]; readonly next_cursor?: string } }
  /** What a product has used of its budgets */
  'GET /v1/products/{product}/usage': { readonly path: { readonly product: string | number }; readonly answer: Usage }
  /** Keys of a product, without their secrets */
  'GET /v1/products/{product}/keys': { readonly path: { readonly product: string | number }; readonly answer: { readonly items: readonly ApiKey[] } }
  /** A new API key; the secret is shown this once */
  'POST /v1/products/{product}/keys': { readonly path: { readonly product: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly label?: string; readonly scopes?: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[]; readonly expires_at?: string }; readonly answer: { readonly product: string; readonly label: string; readonly scopes: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[] } | { readonly id: string; readonly product: string; readonly secret?: string; readonly scopes: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[] } }
  /** Revoke a key: the next request with it is refused */
  'DELETE /v1/keys/{key}': { readonly path: { readonly key: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly answer: undefined }
  /** Keys of the tenant itself, without their secrets: the admin key and those of caches in front */
  'GET /v1/keys': { readonly answer: { readonly items: readonly ApiKey[] } }
  /** A new key for a cache in front; the secret is shown this once */
  'POST /v1/keys': { readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly label?: string; readonly scopes: readonly ('origin')[]; readonly expires_at?: string }; readonly answer: { readonly label: string; readonly scopes: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[] } | { readonly id: string; readonly secret?: string; readonly scopes: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[] } }
  /** A new key for an old one, which goes on for the overlap; the secret is shown this once */
  'POST /v1/keys/{key}/rotate': { readonly path: { readonly key: string | number }; readonly body: { readonly overlap?: number | string }; readonly answer: RotatedKey }
  /** An issuer whose tokens are believed */
  'GET /v1/issuers/{name}': { readonly path: { readonly name: string | number }; readonly answer: Issuer }
  /** Believe the tokens of an issuer, for the subjects that are named */
  'PUT /v1/issuers/{name}': { readonly path: { readonly name: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly iss: string; readonly audience: string; readonly jwks_uri: string; readonly algorithms: readonly ('EdDSA' | 'ES256' | 'RS256')[]; readonly claim?: string; readonly subjects: readonly ({ readonly value: string; readonly product?: string; readonly scopes?: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[] })[] }; readonly answer: Issuer }
  /** Believe an issuer no more: the next request with a token of it is refused */
  'DELETE /v1/issuers/{name}': { readonly path: { readonly name: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly answer: undefined }
  /** The issuers whose tokens are believed */
  'GET /v1/issuers': { readonly answer: { readonly items: readonly Issuer[] } }
  /** Signing keys of a product, without their secrets */
  'GET /v1/products/{product}/signing-keys': { readonly path: { readonly product: string | number }; readonly answer: { readonly items: readonly SigningKey[] } }
  /** A new key to sign URLs with; the secret is shown this once */
  'POST /v1/products/{product}/signing-keys': { readonly path: { readonly product: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly label?: string }; readonly answer: { readonly product: string; readonly label: string; readonly replaces?: { readonly kid: string; readonly expires_at: string } } | NewSigningKey }
  /** A new key in the place of one that goes on verifying for a while */
  'POST /v1/signing-keys/{kid}/rotate': { readonly path: { readonly kid: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly label?: string; readonly overlap?: number | string }; readonly answer: { readonly product: string; readonly label: string; readonly replaces?: { readonly kid: string; readonly expires_at: string } } | NewSigningKey }
  /** Revoke a signing key: the next request for a URL that it signed is refused */
  'DELETE /v1/signing-keys/{kid}': { readonly path: { readonly kid: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly answer: undefined }
  /** Share links of an asset that the product made, oldest first, without their tokens */
  'GET /v1/assets/{asset}/shares': { readonly path: { readonly asset: string | number }; readonly query?: { readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly Share[]; readonly next_cursor?: string } }
  /** A link that shows an asset to whoever has it; shown this once */
  'POST /v1/assets/{asset}/shares': { readonly path: { readonly asset: string | number }; readonly body: { readonly product?: string; readonly renditions?: readonly string[]; readonly original?: boolean; readonly expires_at?: string }; readonly answer: NewShare }
  /** Take a share link back: the next request with it finds nothing */
  'DELETE /v1/shares/{share}': { readonly path: { readonly share: string | number }; readonly answer: undefined }
  /** A collection */
  'GET /v1/collections/{collection}': { readonly path: { readonly collection: string | number }; readonly answer: Collection }
  /** Create or change a collection; its owner gets an edge */
  'PUT /v1/collections/{collection}': { readonly path: { readonly collection: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly owner: string; readonly publish_gate?: 'all' | 'owner' | 'none'; readonly rules?: CollectionRules & unknown; readonly keep_versions?: number; readonly attribute_schema?: AttributeSchema }; readonly answer: Collection & ({ readonly impact?: AccessImpact; readonly would_purge?: { readonly versions: number; readonly sample: readonly ({ readonly asset: string; readonly version: number })[] }; readonly breaks?: { readonly assets: number; readonly checked: number; readonly of: number; readonly sample: readonly ({ readonly asset: string; readonly pointer: string; readonly rule: string })[] } }) | Collection }
  /** Collections by name */
  'GET /v1/collections': { readonly query?: { readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly Collection[]; readonly next_cursor?: string } }
  /** The matrix of a collection: products, their rights and their renditions */
  'GET /v1/collections/{collection}/matrix': { readonly path: { readonly collection: string | number }; readonly answer: { readonly collection: string; readonly edges: readonly Edge[] } }
  /** What a product may do in a collection */
  'GET /v1/collections/{collection}/grants/{product}': { readonly path: { readonly collection: string | number; readonly product: string | number }; readonly answer: Edge }
  /** What a product may do in a collection: one cell of the matrix */
  'PUT /v1/collections/{collection}/grants/{product}': { readonly path: { readonly collection: string | number; readonly product: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly role: 'owner' | 'editor' | 'reader'; readonly original_access?: boolean; readonly private_metadata?: boolean; readonly attributes?: readonly string[]; readonly visibility?: 'private' | 'public'; readonly delivery?: 'redirect' | 'stream' | 'accel'; readonly ad_hoc?: false | AdHoc; readonly not_before?: string; readonly expires_at?: string; readonly conditions?: Conditions }; readonly answer: Edge & ({ readonly impact?: AccessImpact }) | Edge }
  /** Take a grant back: the next request of the product is refused */
  'DELETE /v1/collections/{collection}/grants/{product}': { readonly path: { readonly collection: string | number; readonly product: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly answer: { readonly impact: AccessImpact } }
  /** What was said of one asset for a product */
  'GET /v1/assets/{asset}/grants/{product}': { readonly path: { readonly asset: string | number; readonly product: string | number }; readonly answer: AssetEdge }
  /** What a product may do with one asset, instead of what it may in the collection */
  'PUT /v1/assets/{asset}/grants/{product}': { readonly path: { readonly asset: string | number; readonly product: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly role: 'owner' | 'editor' | 'reader' | 'none'; readonly original_access?: boolean; readonly attributes?: readonly string[]; readonly visibility?: 'private' | 'public'; readonly not_before?: string; readonly expires_at?: string; readonly conditions?: Conditions }; readonly answer: AssetEdge & ({ readonly impact?: AccessImpact }) | AssetEdge }
  /** Unsay it: the edge on the collection answers again */
  'DELETE /v1/assets/{asset}/grants/{product}': { readonly path: { readonly asset: string | number; readonly product: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly answer: { readonly impact: AccessImpact } }
  /** What was said of one asset, for whom */
  'GET /v1/assets/{asset}/grants': { readonly path: { readonly asset: string | number }; readonly answer: { readonly items: readonly AssetEdge[] } }
  /** What would be answered to whom: cases with the answers that are expected, put to the live matrix or to edges of their own */
  'POST /v1/policy/test': { readonly body: { readonly cases: readonly ({ readonly name?: string; readonly principal: 'anonymous' | 'administrator' | { readonly product: string; readonly scopes?: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[]; readonly kind?: 'key' | 'token' | 'link' | 'share' }; readonly product?: string; readonly action: 'resolve' | 'original' | 'read' | 'write' | 'publish' | 'share' | 'erase'; readonly collection?: string; readonly asset?: string; readonly context?: { readonly at?: string; readonly media_type?: string; readonly labels?: readonly string[]; readonly address?: string }; readonly expect: 'allow' | 'forbid' | 'hide' | { readonly effect: 'allow' | 'forbid' | 'hide'; readonly rule?: string } })[]; readonly edges?: readonly ({ readonly role: 'owner' | 'editor' | 'reader'; readonly original_access?: boolean; readonly private_metadata?: boolean; readonly attributes?: readonly string[]; readonly visibility?: 'private' | 'public'; readonly delivery?: 'redirect' | 'stream' | 'accel'; readonly ad_hoc?: false | AdHoc; readonly not_before?: string; readonly expires_at?: string; readonly conditions?: Conditions; readonly product: string; readonly collection: string } | { readonly role: 'owner' | 'editor' | 'reader' | 'none'; readonly original_access?: boolean; readonly attributes?: readonly string[]; readonly visibility?: 'private' | 'public'; readonly not_before?: string; readonly expires_at?: string; readonly conditions?: Conditions; readonly product: string; readonly collection: string; readonly asset: string })[] }; readonly answer: PolicyTest }
  /** Who was given what, collection by collection; with `asset`, what it comes to for that one */
  'GET /v1/matrix': { readonly query?: { readonly asset?: string; readonly limit?: number; readonly cursor?: string }; readonly answer: Matrix | AssetMatrix }
  /** The active revision of a rendition */
  'GET /v1/collections/{collection}/products/{product}/renditions/{name}': { readonly path: { readonly collection: string | number; readonly product: string | number; readonly name: string | number }; readonly answer: Rendition }
  /** Name a recipe, or give the name a new revision */
  'PUT /v1/collections/{collection}/products/{product}/renditions/{name}': { readonly path: { readonly collection: string | number; readonly product: string | number; readonly name: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false'; readonly backfill?: 'true' | 'false' }; readonly body: { readonly recipe: Readonly<Record<string, unknown>>; readonly lane?: 'eager' | 'lazy' }; readonly answer: WrittenRendition }
  /** Stop answering under this name */
  'DELETE /v1/collections/{collection}/products/{product}/renditions/{name}': { readonly path: { readonly collection: string | number; readonly product: string | number; readonly name: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly answer: undefined }
  /** Make it for the versions that are there: those that lack it, in the lane behind all others */
  'POST /v1/collections/{collection}/products/{product}/renditions/{name}/backfill': { readonly path: { readonly collection: string | number; readonly product: string | number; readonly name: string | number }; readonly answer: Backfill & unknown }
  /** Make the revision that was active before, or a given one, the active one again */
  'POST /v1/collections/{collection}/products/{product}/renditions/{name}/rollback': { readonly path: { readonly collection: string | number; readonly product: string | number; readonly name: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly to?: number }; readonly answer: WrittenRendition }
  /** Tell everybody who asks for it until when it is there, or take that back */
  'POST /v1/collections/{collection}/products/{product}/renditions/{name}/deprecate': { readonly path: { readonly collection: string | number; readonly product: string | number; readonly name: string | number }; readonly query?: { readonly validate_only?: 'true' | 'false' }; readonly body: { readonly sunset: string | null }; readonly answer: Rendition }
  /** How a resolve would be decided, step by step, without doing anything */
  'POST /v1/products/{product}/resolve/explain': { readonly path: { readonly product: string | number }; readonly body: { readonly asset: string; readonly rendition: string; readonly dpr?: 1.5; readonly format?: 'auto' | 'avif' | 'webp' | 'jpeg' | 'png' | 'gif'; readonly accept?: string; readonly version?: number; readonly delivery?: 'json' | 'redirect' | 'stream'; readonly as?: 'anonymous' | { readonly key: string } | { readonly product: string; readonly scopes?: readonly ('resolve' | 'assets:read' | 'assets:write' | 'publish' | 'share' | 'events:read' | 'assets:erase' | 'origin' | 'matrix:admin')[] }; readonly address?: string }; readonly answer: Explanation }
  /** What was given up, the last first */
  'GET /v1/dead-letters': { readonly query?: { readonly kind?: 'node' | 'delivery'; readonly class?: string; readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly (DeadLetter | DeadDelivery)[]; readonly next_cursor?: string } }
  /** Try again what fits everything that is given; versions that failed for it wait again */
  'POST /v1/dead-letters/redrive': { readonly body: Redrive; readonly answer: Redriven }
  /** Long work of every kind, the newest first */
  'GET /v1/operations': { readonly query?: { readonly state?: 'RUNNING' | 'PAUSED' | 'COMPENSATING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'CANCELLED' | 'COMPENSATED'; readonly kind?: 'backfill' | 'erase' | 'rollout' | 'import'; readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly Operation[]; readonly next_cursor?: string } }
  /** How far it is */
  'GET /v1/operations/{operation}': { readonly path: { readonly operation: string | number }; readonly answer: Operation }
  /** How far it is, whenever that changes, as server-sent events */
  'GET /v1/operations/{operation}/events': { readonly path: { readonly operation: string | number }; readonly answer: Response }
  /** Begin nothing more for now; what is in hand is finished */
  'POST /v1/operations/{operation}/pause': { readonly path: { readonly operation: string | number }; readonly answer: Operation }
  /** Go on where it was paused */
  'POST /v1/operations/{operation}/resume': { readonly path: { readonly operation: string | number }; readonly answer: Operation }
  /** Begin nothing more; what has been made stays. A rollout is given up before any of it is shown */
  'POST /v1/operations/{operation}/cancel': { readonly path: { readonly operation: string | number }; readonly answer: Operation }
  /** Take back what it has made, the last first: assets that an import created, the pointers of a rollout */
  'POST /v1/operations/{operation}/undo': { readonly path: { readonly operation: string | number }; readonly answer: Operation }
  /** Purges of caches in front, the newest first; those of a week are kept */
  'GET /v1/purges': { readonly query?: { readonly state?: 'PENDING' | 'DONE' | 'DEAD'; readonly limit?: number }; readonly answer: { readonly items: readonly Purge[] } }
  /** Try again what was given up */
  'POST /v1/purges/redrive': { readonly answer: { readonly redriven: number } }
  /** Tell everybody who hears purges to forget something that nobody has, and see who takes it */
  'POST /v1/purges/test': { readonly answer: { readonly targets: { readonly [key: string]: { readonly ok: boolean; readonly answer: string } } } }
  /** The line of the engine and the builds that work under it */
  'GET /v1/engine': { readonly answer: Engine }
  /** Let a build that was seen work: its pictures are those of the line */
  'POST /v1/engine/register': { readonly body: EngineRegistration; readonly answer: EngineBuild }
  /** Rollouts, the newest first */
  'GET /v1/engine/rollouts': { readonly query?: { readonly limit?: number; readonly cursor?: string }; readonly answer: { readonly items: readonly Rollout[]; readonly next_cursor?: string } }
  /** Make what the running code plans otherwise, for a share of the assets, and compare; nothing is shown of it yet */
  'POST /v1/engine/rollouts': { readonly body: RolloutWish; readonly answer: Rollout }
  /** How far it is, and how alike old and new are */
  'GET /v1/engine/rollouts/{rollout}': { readonly path: { readonly rollout: string | number }; readonly answer: RolloutReport }
  /** Old, new and their difference, sixteen times as strong, side by side */
  'GET /v1/engine/rollouts/{rollout}/leaves/{leaf}/picture': { readonly path: { readonly rollout: string | number; readonly leaf: string | number }; readonly answer: Response }
  /** Point the leaves at what is new and was compared; every gateway answers with it from then on */
  'POST /v1/engine/rollouts/{rollout}/promote': { readonly path: { readonly rollout: string | number }; readonly answer: RolloutReport }
  /** Point the leaves back at what was there before, or give the rollout up before that */
  'POST /v1/engine/rollouts/{rollout}/rollback': { readonly path: { readonly rollout: string | number }; readonly answer: RolloutReport }
  /** What the steps of the graph cost, by class of machine; empty: not measured, defaults are used */
  'GET /v1/costs': { readonly answer: Costs }
  /** Have workers measure again: one of each class of machine, at low priority */
  'POST /v1/costs/measure': { readonly answer: Costs }
  /** Who did what and who was denied: the newest first; as NDJSON all of it, in the order of the chain */
  'GET /v1/audit': { readonly query?: { readonly actor?: string; readonly action?: string; readonly resource?: string; readonly outcome?: 'allowed' | 'denied'; readonly from?: string; readonly to?: string; readonly limit?: number; readonly cursor?: string; readonly after?: number }; readonly answer: { readonly items: readonly AuditRow[]; readonly next_cursor?: string } }
  /** Whether every row is as it was chained; names the first that is not */
  'GET /v1/audit/verify': { readonly query?: { readonly after?: number; readonly hash?: string; readonly limit?: number }; readonly answer: AuditVerification }
  /** Formats, operations and limits of this gateway */
  'GET /v1/capabilities': { readonly answer: Capabilities }
  /** What is promised, what was kept of it in the last minutes, and what has been given up */
  'GET /v1/sla': { readonly answer: Sla }
  /** Alive */
  'GET /healthz': { readonly answer: { readonly status: 'ok' } }
  /** Able to answer */
  'GET /readyz': { readonly answer: Readiness }
  /** For Prometheus */
  'GET /metrics': { readonly answer: Response }
  /** What a problem type means */
  'GET /problems/{code}': { readonly path: { readonly code: string | number }; readonly answer: Response }
  /** This document */
  'GET /openapi.json': { readonly answer: Readonly<Record<string, unknown>> }
  /** This document as a page */
  'GET /docs': { readonly answer: Response }
  /** What sharing saved, against siloed copies of the same wishes */
  'GET /v1/report/efficiency': { readonly answer: Efficiency }
  /** Examine engines, store guarantees, clocks and invariants */
  'GET /v1/doctor': { readonly answer: Diagnosis }
}

/** What each type of event says in its `data`: in its first major, and under a name of its own in each later one. */
export interface Events {
  /** There is a new asset. */
  'asset.created': { readonly asset: string; readonly collection: string; readonly owner: string; readonly labels?: readonly string[]; readonly attributes?: readonly string[] }
  /** It has new bytes, which nobody is shown yet. */
  'asset.version_created': { readonly asset: string; readonly version: number; readonly digest: string; readonly bytes: number; readonly media_type: string; readonly deduplicated: boolean }
  /** A version is complete and may be published. */
  'asset.version_ready': { readonly asset: string; readonly version: number; readonly digest: string }
  /** A version cannot be published as it is. @deprecated until 2027-11-22 */
  'asset.version_failed': { readonly asset: string; readonly version: number; readonly failed: readonly ({ readonly product: string; readonly rendition: string; readonly format: string; readonly node: string | null; readonly state: string; readonly code: string | null } | { readonly code: 'infected'; readonly signature: string | null })[] }
  /** A version cannot be published as it is. */
  'asset.version_failed.v2': { readonly asset: string; readonly version: number; readonly failed: readonly ({ readonly product?: string; readonly rendition?: string; readonly format?: string; readonly node?: string | null; readonly state?: string; readonly code?: string | null; readonly cause: 'rendition-failed' | 'infected' | (string & {}); readonly signature?: string | null })[] }
  /** A version that is not current is gone for good. */
  'asset.version_purged': { readonly asset: string; readonly version: number; readonly reason: string; readonly operation: string; readonly max_exposure_until: string }
  /** Another version is the current one, for all products at once. */
  'asset.published': { readonly asset: string; readonly version: number; readonly previous_version: number | null; readonly publication: number; readonly reason: string; readonly digest: string; readonly scheduled_at?: string }
  /** An earlier version is the current one again. */
  'asset.rolled_back': { readonly asset: string; readonly version: number; readonly previous_version: number | null; readonly publication: number; readonly reason: string; readonly digest: string; readonly scheduled_at?: string }
  /** What is to become of it at a time is another thing than before. */
  'asset.schedule_changed': { readonly asset: string; readonly reason: string; readonly publish?: { readonly version: number; readonly at: string }; readonly until?: string }
  /** The time of a publish has come, and its version is not complete. */
  'asset.publish_delayed': { readonly asset: string; readonly version: number; readonly at: string; readonly state: string; readonly blocking: readonly ({ readonly product: string; readonly rendition: string; readonly format: string; readonly node: string | null; readonly state: string; readonly code: string | null })[] }
  /** It is shown to nobody any more, and may be again. */
  'asset.archived': { readonly asset: string; readonly reason?: string; readonly expires_at?: string }
  /** It is shown to nobody any more, and erased after the grace. */
  'asset.deleted': { readonly asset: string }
  /** It is there again; or it is not to be erased any more, and archived as it was before it was deleted. */
  'asset.restored': { readonly asset: string; readonly archived?: true }
  /** Labels or attributes are others; which is said, and not to what. */
  'asset.metadata_changed': { readonly asset: string; readonly metadata?: number; readonly changed: readonly string[] }
  /** Other systems call it by other names: in which namespaces, and not how. */
  'asset.aliases_changed': { readonly asset: string; readonly added?: readonly string[]; readonly removed?: readonly string[] }
  /** It is gone for good: copies have to go too. */
  'asset.erased': { readonly asset: string; readonly operation: string; readonly max_exposure_until: string }
  /** A product's derivative is there. */
  'rendition.ready': { readonly asset: string; readonly version: number; readonly product: string; readonly rendition: string; readonly revision: number; readonly format: string; readonly node: string; readonly digest: string; readonly media_type: string; readonly width: number; readonly height: number; readonly bytes: number; readonly reused?: true }
  /** A product's derivative cannot be made. */
  'rendition.failed': { readonly asset: string; readonly version: number; readonly product: string; readonly rendition: string; readonly revision: number; readonly format: string; readonly node: string; readonly code: string }
  /** All that a product requires of a version is there. */
  'product.complete': { readonly asset: string; readonly version: number; readonly product: string; readonly required: number; readonly done: number; readonly dead: number }
  /** Something that a product requires of a version cannot be made. */
  'product.degraded': { readonly asset: string; readonly version: number; readonly product: string; readonly required: number; readonly done: number; readonly dead: number; readonly failed: readonly ({ readonly rendition: string; readonly format: string; readonly code: string | null })[] }
  /** A rendition is new, or has another recipe: what is made by it is told one by one. */
  'rendition.revised': { readonly collection: string; readonly product: string; readonly rendition: string; readonly revision: number; readonly recipe_hash: string; readonly previous_revision: number | null; readonly lane: 'eager' | 'lazy' }
  /** Nothing is answered under the name of a rendition any more. */
  'rendition.retired': { readonly collection: string; readonly product: string; readonly rendition: string; readonly revision: number; readonly recipe_hash: string }
  /** A rendition is to go, or is not to go any more: it is answered as before, and says until when. */
  'rendition.deprecated': { readonly collection: string; readonly product: string; readonly rendition: string; readonly revision: number; readonly recipe_hash: string; readonly sunset: string | null; readonly previous_sunset: string | null }
  /** What a product may do in a collection, or with one asset of it, is another thing. */
  'grant.changed': { readonly collection: string; readonly asset?: string; readonly product: string; readonly role: string | null; readonly previous_role: string | null; readonly effective_at: string; readonly max_exposure_until: string }
  /** A collection is new, or its owner, gate or rules are others; told to its owner. */
  'policy.changed': { readonly collection: string; readonly product: string; readonly changed: readonly string[] }
  /** A product says what it reads of a contract, or sends; or says it otherwise than before. */
  'contract.registered': { readonly product: string; readonly subject: string; readonly version: string }
  /** Long work is over, or has been undone. */
  'operation.finished': { readonly operation: string; readonly kind: 'backfill' | 'import' | 'erasure' | 'rollout'; readonly state: string; readonly product: string | null; readonly total?: number; readonly done?: number; readonly failed?: number; readonly reason?: string }
  /** A receiver wants nothing more: nothing is told to it until somebody resumes it. */
  'subscription.disabled': { readonly subscription: string; readonly product: string | null; readonly reason: 'gone'; readonly event: string }
  /** An event has been given up for a subscription. Never told of one that is itself such a word. */
  'delivery.dead': { readonly subscription: string; readonly product: string | null; readonly delivery: string; readonly event: string; readonly event_seq: number; readonly event_type: string; readonly attempts: number; readonly class: string; readonly last_status: number | null; readonly redrive: string }
  /** Something is not as it should be: an object has other bytes than its digest says. */
  'drift.detected': { readonly kind: 'original-mismatch' | 'version-stuck'; readonly resource: string }
  /** What was not as it should be is so again: an original was read well since, or a version that stood still goes on. */
  'drift.healed': { readonly kind: 'original-mismatch' | 'version-stuck'; readonly resource: string }
}

/** Routes that do a thing once for a key, however often they are asked. */
export const KEYED: ReadonlySet<keyof Routes> = new Set<keyof Routes>([
  'POST /v1/assets',
  'POST /v1/assets/{asset}/versions',
  'POST /v1/uploads',
  'POST /v1/uploads/{upload}/complete',
  'POST /v1/assets/import',
  'POST /v1/subscriptions',
  'POST /v1/subscriptions/{subscription}/rotate-secret',
  'POST /v1/subscriptions/{subscription}/replay',
  'POST /v1/assets/{asset}/erase',
  'POST /v1/products/{product}/keys',
  'POST /v1/keys',
  'POST /v1/keys/{key}/rotate',
  'POST /v1/products/{product}/signing-keys',
  'POST /v1/signing-keys/{kid}/rotate',
  'POST /v1/assets/{asset}/shares',
])

