/**
 * Who may do what, as one table: every route that the application registers x everybody who may knock. A route without a row here
 * fails, so that nobody adds one without saying who it is for.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ACTION_NAMES } from '../../src/http/actions.ts'
import { ensureTenant, insertKey, putAdminKey } from '../../src/manifest/products.ts'
import { hashSecret, newSecret } from '../../src/model/ids.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { expectJson, openClient, openSocketClient, type Send, traces } from '../support/http.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'

const WHO = [
  'anonymous',
  'garbage',
  'mistyped',
  'revoked',
  'expired',
  'stranger',
  'reader',
  'editor',
  'owner',
  'token',
  'forged',
  'admin',
  'elsewhere',
  'front',
] as const
type Who = (typeof WHO)[number]

/** Nobody has a key that is none; `forged` is a token by another's hand. */
const NOBODY = { anonymous: 401, garbage: 401, mistyped: 401, revoked: 401, expired: 401, forged: 401 } as const
type Row = Readonly<Record<Who, number>>

/**
 * The scene: collection `gallery` belongs to product `owner`; `editor` and `reader` have their grants there; `stranger` is a
 * product of the tenant without one; `elsewhere` administers another tenant. Asset is a text of the gallery, published, so that
 * what succeeds needs no worker; `front` is a cache in front, with a key that is no product's. {x} is the product in the path.
 */
const scene = {
  gallery: 'gallery',
  asset: '',
  sha256: '',
  /** The next of as many drafts as there are who may try to discard one. */
  draft: 2,
  kid: '',
  share: '',
  operation: '',
  /** Begun by the key of the owner: one to be finished, one to be ended. */
  upload: '',
  ended: '',
  import: '',
  subscription: '',
  /** As many as there are who may try to delete one. */
  subscriptions: [] as string[],
  /** Subjects of which the owner has said what it reads, as many. */
  said: [] as string[],
  missing: crypto.randomUUID(),
}
/** Of a key of the owner that nobody touches; `scene.kid` is one that is rotated and revoked. */
const signer = { kid: '', secret: '' }
const signed = (inPath: boolean): string =>
  signUrl({ path: `/i/owner/${scene.asset}/v1/original`, ...signer, lifetimeSeconds: 600, inPath })
const all = (status: number): Row => Object.fromEntries(WHO.map(who => [who, status])) as Row
/**
 * A token stands for the product `owner`, and hears what its keys hear. The key of a cache in front lacks the scope for whatever
 * needs one, and is a stranger's elsewhere.
 */
const products = (row: Omit<Row, keyof typeof NOBODY | 'token' | 'front'> & { front?: number }): Row => ({
  front: 403,
  ...NOBODY,
  ...row,
  token: row.owner,
})
/** Every product but those without a grant may look. */
const looks = (status = 200) =>
  products({ stranger: 404, reader: status, editor: status, owner: status, admin: status, elsewhere: 404 })
const writes = (status: number) =>
  products({ stranger: 404, reader: 403, editor: status, owner: status, admin: status, elsewhere: 404 })
/** Of the product `owner`. */
const subscribed = (status: number) =>
  products({ stranger: 404, reader: 404, editor: 404, owner: status, admin: status, elsewhere: 404 })
const subscribes = (status: number) =>
  products({ stranger: status, reader: status, editor: status, owner: status, admin: status, elsewhere: status })
const asks = products({ stranger: 200, reader: 200, editor: 200, owner: 200, admin: 200, elsewhere: 200 })
const administers = (status: number, elsewhere: number) =>
  products({ stranger: 403, reader: 403, editor: 403, owner: 403, admin: status, elsewhere })

/** What somebody began is there for him alone. */
const begunByOwner = (status: number): Row => ({
  ...products({ stranger: 404, reader: 404, editor: 404, owner: status, admin: 404, elsewhere: 404 }),
  token: 404,
})

interface Case {
  readonly method: string
  /** As registered. */
  readonly route: string
  readonly path: () => string
  readonly options?: () => CallOptions
  readonly row: Row
}

const ifMatch = { headers: { 'If-Match': '*' } }
const text = (): CallOptions => ({ body: new TextEncoder().encode(crypto.randomUUID()) })
const importing = (): CallOptions => ({
  body: `{"sha256":"${scene.sha256}","collection":"gallery"}`,
  headers: { 'Content-Type': 'application/x-ndjson' },
})
const OTHER_ISSUER = {
  iss: 'https://other.example/',
  audience: 'here',
  jwks_uri: 'https://other.example/keys',
  algorithms: ['ES256'],
  subjects: [],
}
const SOURCE = {
  adapter: 'cloudevents',
  product: 'editor',
  collection: 'gallery',
  scheme: 'bearer',
  secret: 'a-secret-of-the-source',
}
const SUBSCRIPTION = { url: 'http://127.0.0.1:9/hook' }
const RECIPE = { recipe: { formats: ['jpeg'] } }
const TUS = { 'Tus-Resumable': '1.0.0' }
const newUpload = () => ({
  headers: {
    ...TUS,
    'Upload-Length': '4',
    'Upload-Metadata': `collection ${Buffer.from('gallery').toString('base64')}`,
  },
})
const rendition = '/v1/collections/:collection/products/:product/renditions/:name'

const CASES: readonly Case[] = [
  ...['/healthz', '/readyz', '/metrics', '/openapi.json', '/asyncapi.json', '/docs', '/v1/contracts'].map(route => ({
    method: 'GET',
    route,
    path: () => route,
    row: { ...all(200) },
  })),
  { method: 'GET', route: '/problems/:code', path: () => '/problems/not-found', row: all(200) },
  ...['/v1/contracts/:subject', '/v1/contracts/:subject/:version'].map(route => ({
    method: 'GET',
    route,
    path: () => route.replace(':subject', 'asset.published').replace(':version', '1.0.0'),
    row: all(200),
  })),
  {
    method: 'GET',
    route: '/v1/assets/:asset/versions/:version/progress',
    path: () => `/v1/assets/${scene.asset}/versions/1/progress`,
    row: looks(),
  },
  {
    method: 'PUT',
    route: '/v1/products/:product/contracts/:subject',
    path: () => '/v1/products/owner/contracts/asset.published',
    options: () => ({ body: { schema: { type: 'object', required: ['asset'] } } }),
    row: subscribed(200),
  },
  ...['/v1/products/:product/contracts', '/v1/products/:product/contracts/:subject'].map(route => ({
    method: 'GET',
    route,
    path: () => route.replace(':product', 'owner').replace(':subject', 'asset.published'),
    row: subscribed(200),
  })),
  {
    method: 'DELETE',
    route: '/v1/products/:product/contracts/:subject',
    path: () => `/v1/products/owner/contracts/${scene.said.pop() ?? ''}`,
    options: () => ifMatch,
    row: subscribed(204),
  },
  {
    method: 'GET',
    route: '/v1/contracts/:subject/consumers',
    path: () => '/v1/contracts/asset.published/consumers',
    row: administers(200, 200),
  },
  {
    method: 'POST',
    route: '/v1/contracts/check',
    path: () => '/v1/contracts/check',
    options: () => ({ body: { subject: 'asset.published', schema: { type: 'object' } } }),
    row: subscribes(200),
  },
  { method: 'POST', route: '/v1/tus', path: () => '/v1/tus', options: newUpload, row: writes(201) },
  {
    method: 'GET',
    route: '/v1/tus/:upload',
    path: () => `/v1/tus/${scene.upload}`,
    row: begunByOwner(200),
  },
  {
    method: 'PATCH',
    route: '/v1/tus/:upload',
    path: () => `/v1/tus/${scene.upload}`,
    options: () => ({
      body: new TextEncoder().encode('text'),
      headers: { ...TUS, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' },
    }),
    row: begunByOwner(204),
  },
  {
    method: 'DELETE',
    route: '/v1/tus/:upload',
    path: () => `/v1/tus/${scene.ended}`,
    options: () => ({ headers: TUS }),
    row: begunByOwner(204),
  },
  ...['/v1/tus', '/v1/tus/:upload'].map(route => ({
    method: 'OPTIONS',
    route,
    path: () => route.replace(':upload', scene.missing),
    row: all(204),
  })),
  {
    method: 'GET',
    route: '/v1/products/:product/assets/:asset/renditions/:rendition',
    path: () => `/v1/products/owner/assets/${scene.asset}/renditions/original?delivery=json`,
    row: products({ stranger: 404, reader: 404, editor: 404, owner: 200, admin: 200, elsewhere: 404, front: 404 }),
  },
  {
    method: 'GET',
    route: '/v1/products/:product/assets/:asset/renditions/:rendition',
    path: () => `/v1/products/reader/assets/${scene.asset}/renditions/original?delivery=json`,
    row: products({ stranger: 404, reader: 403, editor: 404, owner: 404, admin: 200, elsewhere: 404, front: 404 }),
  },
  {
    method: 'GET',
    route: '/v1/products/:product/assets/:asset/renditions/:rendition',
    path: () => `/v1/products/reader/assets/${scene.asset}/renditions/thumb`,
    row: products({ stranger: 404, reader: 422, editor: 404, owner: 404, admin: 422, elsewhere: 404, front: 404 }),
  },
  {
    method: 'GET',
    route: '/i/:product/:asset/:version/:file',
    path: () => `/i/owner/${scene.asset}/v1/original`,
    row: {
      ...products({ stranger: 404, reader: 404, editor: 404, owner: 302, admin: 302, elsewhere: 404, front: 404 }),
      anonymous: 404,
    },
  },
  // What the URL itself proves is the same for everybody who has it.
  {
    method: 'GET',
    route: '/i/:product/:asset/:version/:file',
    path: () => signed(false),
    row: all(302),
  },
  {
    method: 'GET',
    route: '/i/:product/:asset/:version/:file',
    path: () => `${signed(false)}x`,
    row: all(403),
  },
  {
    method: 'GET',
    route: '/s/:proof/i/:product/:asset/:version/:file',
    path: () => signed(true),
    row: all(302),
  },
  {
    method: 'GET',
    route: '/share/:token/i/:product/:asset/:version/:file',
    path: () => scene.share,
    row: all(302),
  },
  {
    method: 'GET',
    route: '/share/:token/i/:product/:asset/:version/:file',
    path: () => scene.share.replace(/^\/share\/..../, '/share/0000'),
    row: all(404),
  },
  // A preflight has no credential, and says the same to everybody.
  ...[
    ['/v1/products/:product/assets/:asset/renditions/:rendition', '/v1/products/owner/assets/x/renditions/y'],
    ['/v1/products/:product/assets/:asset/picture', '/v1/products/owner/assets/x/picture'],
    ['/v1/products/:product/resolve/batch', '/v1/products/owner/resolve/batch'],
    ['/i/:product/:asset/:version/:file', '/i/owner/x/v1/y.jpg'],
    ['/s/:proof/i/:product/:asset/:version/:file', '/s/a.1.b/i/owner/x/v1/y.jpg'],
    ['/share/:token/i/:product/:asset/:version/:file', '/share/t/i/owner/x/v1/y.jpg'],
  ].map(([route = '', path = '']) => ({ method: 'OPTIONS', route, path: () => path, row: all(204) })),
  { method: 'POST', route: '/v1/assets', path: () => '/v1/assets?collection=gallery', options: text, row: writes(201) },
  {
    method: 'POST',
    route: '/v1/assets/import',
    path: () => '/v1/assets/import',
    options: () => importing(),
    row: writes(202),
  },
  {
    method: 'POST',
    route: '/v1/assets/:asset/versions',
    path: () => `/v1/assets/${scene.asset}/versions?publish=manual`,
    options: text,
    row: writes(201),
  },
  {
    method: 'POST',
    route: '/v1/uploads',
    path: () => '/v1/uploads',
    options: () => ({ body: { collection: 'gallery', bytes: 1 } }),
    row: writes(201),
  },
  ...(
    [
      ['GET', ''],
      ['POST', '/complete'],
      ['DELETE', ''],
    ] as const
  ).map(([method, rest]) => ({
    method,
    route: `/v1/uploads/:upload${rest}`,
    path: () => `/v1/uploads/${scene.missing}${rest}`,
    row: products({ stranger: 404, reader: 404, editor: 404, owner: 404, admin: 404, elsewhere: 404 }),
  })),
  { method: 'GET', route: '/v1/assets', path: () => '/v1/assets?collection=gallery', row: looks() },
  { method: 'GET', route: '/v1/assets/:asset', path: () => `/v1/assets/${scene.asset}`, row: looks() },
  {
    method: 'PATCH',
    route: '/v1/assets/:asset',
    path: () => `/v1/assets/${scene.asset}`,
    options: () => ({ ...ifMatch, body: { labels: ['seen'], attributes: { caption: 'Seen' } } }),
    row: writes(200),
  },
  {
    method: 'GET',
    route: '/v1/aliases/:namespace/:external_id',
    path: () => '/v1/aliases/alias/scene',
    row: looks(),
  },
  {
    method: 'GET',
    route: '/v1/assets/:asset/aliases',
    path: () => `/v1/assets/${scene.asset}/aliases`,
    row: looks(),
  },
  {
    method: 'POST',
    route: '/v1/assets/:asset/aliases',
    path: () => `/v1/assets/${scene.asset}/aliases`,
    options: () => ({ body: { add: [{ namespace: 'erp', external_id: '4711' }] } }),
    row: writes(200),
  },
  {
    method: 'DELETE',
    route: '/v1/assets/:asset/versions/:version',
    path: () => `/v1/assets/${scene.asset}/versions/${scene.draft++}`,
    options: () => ifMatch,
    row: writes(202),
  },
  ...['', '/1', '/1/completeness', '/1/plan', '/1/provenance', '/1/metadata', '/1/compare?with=1'].map(rest => ({
    method: 'GET',
    route: `/v1/assets/:asset/versions${rest.replace('1', ':version').replace('?with=1', '')}`,
    path: () => `/v1/assets/${scene.asset}/versions${rest}`,
    row: looks(),
  })),
  {
    method: 'GET',
    route: '/v1/assets/:asset/focal-points',
    path: () => `/v1/assets/${scene.asset}/focal-points`,
    row: looks(),
  },
  {
    method: 'GET',
    route: '/v1/assets/:asset/versions/:version/metadata/:block',
    path: () => `/v1/assets/${scene.asset}/versions/1/metadata/exif`,
    // A text has none: who may have the original hears that, the others no more than that they may not.
    row: products({ stranger: 404, reader: 403, editor: 403, owner: 404, admin: 404, elsewhere: 404 }),
  },
  {
    method: 'POST',
    route: '/v1/assets/:asset/publish',
    path: () => `/v1/assets/${scene.asset}/publish`,
    options: () => ({ ...ifMatch, body: { version: 1 } }),
    row: writes(200),
  },
  {
    method: 'POST',
    route: '/v1/assets/:asset/rollback',
    path: () => `/v1/assets/${scene.asset}/rollback`,
    options: () => ({ ...ifMatch, body: { to: 1 } }),
    row: writes(200),
  },
  {
    method: 'PUT',
    route: '/v1/assets/:asset/schedule',
    path: () => `/v1/assets/${scene.asset}/schedule`,
    options: () => ({ ...ifMatch, body: { until: new Date(Date.now() + 3_600_000).toISOString() } }),
    row: writes(200),
  },
  {
    method: 'GET',
    route: '/v1/assets/:asset/schedule',
    path: () => `/v1/assets/${scene.asset}/schedule`,
    row: looks(),
  },
  {
    method: 'DELETE',
    route: '/v1/assets/:asset/schedule',
    path: () => `/v1/assets/${scene.asset}/schedule`,
    options: () => ifMatch,
    row: writes(204),
  },
  {
    method: 'PUT',
    route: '/v1/assets/:asset/holds/:hold',
    path: () => `/v1/assets/${scene.asset}/holds/case-7`,
    options: () => ({ body: { reason: 'case 7' } }),
    row: administers(201, 404),
  },
  // Whoever has the scope may ask; what is told is decided event by event (events.test.ts).
  { method: 'GET', route: '/v1/events', path: () => '/v1/events', row: asks },
  { method: 'GET', route: '/v1/events/stream', path: () => '/v1/events/stream?seconds=1', row: asks },
  {
    method: 'GET',
    route: '/v1/events/:event',
    path: () => `/v1/events/${scene.missing}`,
    row: products({ stranger: 404, reader: 404, editor: 404, owner: 404, admin: 404, elsewhere: 404 }),
  },
  // Whose a subscription is there for alone; whoever may hear may have one.
  {
    method: 'POST',
    route: '/v1/subscriptions',
    path: () => '/v1/subscriptions',
    options: () => ({ body: SUBSCRIPTION }),
    row: subscribes(201),
  },
  { method: 'GET', route: '/v1/subscriptions', path: () => '/v1/subscriptions', row: asks },
  {
    method: 'GET',
    route: '/v1/subscriptions/:subscription',
    path: () => `/v1/subscriptions/${scene.subscription}`,
    row: subscribed(200),
  },
  {
    method: 'PATCH',
    route: '/v1/subscriptions/:subscription',
    path: () => `/v1/subscriptions/${scene.subscription}`,
    options: () => ({ ...ifMatch, body: { description: 'seen' } }),
    row: subscribed(200),
  },
  {
    method: 'POST',
    route: '/v1/subscriptions/:subscription/rotate-secret',
    path: () => `/v1/subscriptions/${scene.subscription}/rotate-secret`,
    options: () => ({ ...ifMatch, body: {} }),
    row: subscribed(201),
  },
  ...['deliveries', 'replay'].map(what => ({
    method: 'GET',
    route: `/v1/subscriptions/:subscription/${what}`,
    path: () => `/v1/subscriptions/${scene.subscription}/${what}`,
    row: subscribed(what === 'replay' ? 404 : 200), // none is under way
  })),
  {
    method: 'POST',
    route: '/v1/subscriptions/:subscription/redrive',
    path: () => `/v1/subscriptions/${scene.subscription}/redrive`,
    options: () => ({ body: { from_seq: 1 } }),
    row: subscribed(200),
  },
  {
    method: 'POST',
    route: '/v1/subscriptions/:subscription/replay',
    path: () => `/v1/subscriptions/${scene.subscription}/replay`,
    // Another one would be refused while the first is under way, and here nobody carries it out.
    options: () => ({ body: { from_seq: 1, only: 'failed' } }),
    row: subscribed(202),
  },
  {
    method: 'POST',
    route: '/v1/subscriptions/:subscription/test',
    path: () => `/v1/subscriptions/${scene.subscription}/test`,
    row: subscribed(200),
  },
  {
    method: 'DELETE',
    route: '/v1/subscriptions/:subscription',
    path: () => `/v1/subscriptions/${scene.subscriptions.pop() ?? ''}`,
    options: () => ifMatch,
    row: subscribed(204),
  },
  { method: 'GET', route: '/v1/holds', path: () => '/v1/holds', row: administers(200, 200) },
  {
    method: 'GET',
    route: '/v1/assets/:asset/holds',
    path: () => `/v1/assets/${scene.asset}/holds`,
    row: administers(200, 404),
  },
  {
    method: 'DELETE',
    route: '/v1/assets/:asset/holds/:hold',
    path: () => `/v1/assets/${scene.asset}/holds/case-7`,
    options: () => ifMatch,
    row: administers(204, 404),
  },
  {
    method: 'POST',
    route: '/v1/assets/:asset/restore',
    path: () => `/v1/assets/${scene.asset}/restore`,
    options: () => ifMatch,
    row: writes(200),
  },
  {
    method: 'PUT',
    route: '/v1/products/:product',
    path: () => '/v1/products/owner',
    options: () => ({ body: { display_name: 'Owner' } }),
    // Another tenant makes itself a product of that name.
    row: administers(200, 201),
  },
  { method: 'GET', route: '/v1/products/:product', path: () => '/v1/products/reader', row: administers(200, 404) },
  {
    method: 'GET',
    route: '/v1/products/:product/usage',
    path: () => '/v1/products/editor/usage',
    row: products({ stranger: 404, reader: 404, editor: 200, owner: 404, admin: 200, elsewhere: 404, front: 404 }),
  },
  { method: 'GET', route: '/v1/products', path: () => '/v1/products', row: administers(200, 200) },
  {
    method: 'GET',
    route: '/o/:prefix/:file',
    path: () => `/o/${scene.sha256.slice(0, 2)}/${scene.sha256}.original`,
    row: { ...administers(200, 404), front: 200 },
  },
  {
    method: 'POST',
    route: '/v1/keys',
    path: () => '/v1/keys',
    options: () => ({ body: { scopes: ['origin'] } }),
    row: administers(201, 201),
  },
  { method: 'GET', route: '/v1/keys', path: () => '/v1/keys', row: administers(200, 200) },
  {
    method: 'POST',
    route: '/v1/products/:product/keys',
    path: () => '/v1/products/editor/keys',
    options: () => ({ body: {} }),
    row: administers(201, 404),
  },
  {
    method: 'GET',
    route: '/v1/products/:product/keys',
    path: () => '/v1/products/editor/keys',
    row: administers(200, 200),
  },
  {
    method: 'DELETE',
    route: '/v1/keys/:key',
    path: () => '/v1/keys/key_revoked',
    options: () => ifMatch,
    row: administers(204, 404),
  },
  {
    method: 'POST',
    route: '/v1/keys/:key/rotate',
    path: () => '/v1/keys/key_rotated/rotate',
    options: () => ({ ...ifMatch, body: {} }),
    row: administers(201, 404),
  },
  { method: 'GET', route: '/v1/issuers', path: () => '/v1/issuers', row: administers(200, 200) },
  {
    method: 'PUT',
    route: '/v1/issuers/:name',
    path: () => '/v1/issuers/other',
    options: () => ({ body: OTHER_ISSUER }),
    // The tokens of one tenant cannot be claimed by another.
    row: administers(201, 409),
  },
  { method: 'GET', route: '/v1/issuers/:name', path: () => '/v1/issuers/idp', row: administers(200, 404) },
  {
    method: 'DELETE',
    route: '/v1/issuers/:name',
    path: () => '/v1/issuers/other',
    options: () => ifMatch,
    row: administers(204, 404),
  },
  // Whoever knocks there proves himself by the secret of a source, and nobody here has one.
  {
    method: 'POST',
    route: '/v1/ingest/:source',
    path: () => '/v1/ingest/dam',
    options: () => ({ body: {} }),
    row: all(401),
  },
  {
    method: 'PUT',
    route: '/v1/sources/:source',
    path: () => '/v1/sources/dam',
    options: () => ({ body: SOURCE }),
    // Another tenant has no such product.
    row: administers(201, 422),
  },
  { method: 'GET', route: '/v1/sources', path: () => '/v1/sources', row: administers(200, 200) },
  { method: 'GET', route: '/v1/sources/:source', path: () => '/v1/sources/dam', row: administers(200, 404) },
  {
    method: 'GET',
    route: '/v1/sources/:source/items',
    path: () => '/v1/sources/dam/items',
    row: administers(200, 200),
  },
  {
    method: 'GET',
    route: '/v1/sources/:source/events/:event',
    path: () => `/v1/sources/dam/events/${scene.missing}`,
    row: administers(404, 404),
  },
  {
    method: 'POST',
    route: '/v1/sources/:source/redrive',
    path: () => '/v1/sources/dam/redrive',
    row: administers(200, 200),
  },
  {
    method: 'DELETE',
    route: '/v1/sources/:source',
    path: () => '/v1/sources/dam',
    options: () => ifMatch,
    row: administers(204, 404),
  },
  {
    method: 'POST',
    route: '/v1/products/:product/signing-keys',
    path: () => '/v1/products/editor/signing-keys',
    options: () => ({ body: {} }),
    row: administers(201, 404),
  },
  {
    method: 'GET',
    route: '/v1/products/:product/signing-keys',
    path: () => '/v1/products/editor/signing-keys',
    row: administers(200, 200),
  },
  {
    method: 'POST',
    route: '/v1/signing-keys/:kid/rotate',
    path: () => `/v1/signing-keys/${scene.kid}/rotate`,
    options: () => ({ ...ifMatch, body: {} }),
    row: administers(201, 404),
  },
  {
    method: 'DELETE',
    route: '/v1/signing-keys/:kid',
    path: () => `/v1/signing-keys/${scene.kid}`,
    options: () => ifMatch,
    row: administers(204, 404),
  },
  {
    method: 'POST',
    route: '/v1/assets/:asset/shares',
    path: () => `/v1/assets/${scene.asset}/shares`,
    options: () => ({ body: { renditions: [], original: true } }),
    // The editor has no originals here, so it has none to show.
    row: products({ stranger: 404, reader: 403, editor: 403, owner: 201, admin: 201, elsewhere: 404 }),
  },
  {
    method: 'GET',
    route: '/v1/assets/:asset/shares',
    path: () => `/v1/assets/${scene.asset}/shares`,
    row: products({ stranger: 404, reader: 403, editor: 200, owner: 200, admin: 200, elsewhere: 404 }),
  },
  {
    method: 'DELETE',
    route: '/v1/shares/:share',
    path: () => `/v1/shares/share_${'0'.repeat(32)}`,
    options: () => ifMatch,
    row: products({ stranger: 404, reader: 404, editor: 404, owner: 404, admin: 404, elsewhere: 404 }),
  },
  {
    method: 'PUT',
    route: '/v1/collections/:collection',
    path: () => '/v1/collections/gallery',
    options: () => ({ body: { owner: 'owner' } }),
    row: administers(200, 201),
  },
  {
    method: 'GET',
    route: '/v1/collections/:collection',
    path: () => '/v1/collections/avatar',
    row: administers(200, 404),
  },
  {
    method: 'GET',
    route: '/v1/collections/:collection/grants/:product',
    path: () => '/v1/collections/gallery/grants/editor',
    row: administers(200, 404),
  },
  { method: 'GET', route: '/v1/collections', path: () => '/v1/collections', row: administers(200, 200) },
  {
    method: 'PUT',
    route: '/v1/collections/:collection/grants/:product',
    path: () => '/v1/collections/gallery/grants/editor',
    options: () => ({ body: { role: 'editor' } }),
    row: administers(200, 422),
  },
  {
    method: 'DELETE',
    route: '/v1/collections/:collection/grants/:product',
    path: () => '/v1/collections/gallery/grants/nobody',
    options: () => ifMatch,
    row: administers(404, 404),
  },
  {
    method: 'PUT',
    route: '/v1/assets/:asset/grants/:product',
    path: () => `/v1/assets/${scene.asset}/grants/editor`,
    options: () => ({ body: { role: 'editor' } }),
    row: administers(201, 404),
  },
  {
    method: 'GET',
    route: '/v1/assets/:asset/grants/:product',
    path: () => `/v1/assets/${scene.asset}/grants/editor`,
    row: administers(200, 404),
  },
  {
    method: 'GET',
    route: '/v1/assets/:asset/grants',
    path: () => `/v1/assets/${scene.asset}/grants`,
    row: administers(200, 404),
  },
  {
    method: 'DELETE',
    route: '/v1/assets/:asset/grants/:product',
    path: () => `/v1/assets/${scene.asset}/grants/editor`,
    options: () => ifMatch,
    row: administers(204, 404),
  },
  {
    method: 'GET',
    route: '/v1/collections/:collection/matrix',
    path: () => '/v1/collections/gallery/matrix',
    row: administers(200, 200),
  },
  {
    method: 'PUT',
    route: rendition,
    path: () => '/v1/collections/gallery/products/reader/renditions/thumb',
    options: () => ({ body: RECIPE }),
    row: products({ stranger: 404, reader: 200, editor: 404, owner: 404, admin: 200, elsewhere: 404 }),
  },
  {
    method: 'GET',
    route: rendition,
    path: () => '/v1/collections/gallery/products/reader/renditions/thumb',
    row: products({ stranger: 404, reader: 200, editor: 404, owner: 404, admin: 200, elsewhere: 404 }),
  },
  {
    method: 'DELETE',
    route: rendition,
    path: () => '/v1/collections/gallery/products/reader/renditions/nothing',
    options: () => ifMatch,
    row: products({ stranger: 404, reader: 404, editor: 404, owner: 404, admin: 404, elsewhere: 404 }),
  },
  {
    method: 'POST',
    route: '/v1/products/:product/resolve/explain',
    path: () => '/v1/products/owner/resolve/explain',
    options: () => ({ body: { asset: scene.asset, rendition: 'original' } }),
    row: products({ stranger: 404, reader: 404, editor: 404, owner: 200, admin: 200, elsewhere: 200 }),
  },
  {
    method: 'GET',
    route: '/v1/products/:product/assets/:asset/picture',
    path: () => `/v1/products/reader/assets/${scene.asset}/picture?renditions=thumb`,
    row: products({ stranger: 404, reader: 422, editor: 404, owner: 404, admin: 422, elsewhere: 404, front: 404 }),
  },
  // Who may ask at all is told of each by itself.
  {
    method: 'POST',
    route: '/v1/products/:product/resolve/batch',
    path: () => '/v1/products/owner/resolve/batch',
    options: () => ({ body: { items: [{ asset: scene.asset, rendition: 'original' }] } }),
    row: { ...all(200), ...NOBODY },
  },
  {
    method: 'GET',
    route: '/v1/products/:product/manifest',
    path: () => '/v1/products/reader/manifest',
    row: products({ stranger: 404, reader: 200, editor: 404, owner: 404, admin: 200, elsewhere: 404 }),
  },
  {
    method: 'POST',
    route: '/v1/products/:product/manifest/compare',
    path: () => '/v1/products/reader/manifest/compare',
    options: () => ({ body: '', headers: { 'Content-Type': 'application/x-ndjson' } }),
    row: products({ stranger: 404, reader: 200, editor: 404, owner: 404, admin: 200, elsewhere: 404 }),
  },
  {
    method: 'POST',
    route: '/v1/assets/batchGet',
    path: () => '/v1/assets/batchGet',
    options: () => ({ body: { ids: [scene.asset] } }),
    row: { ...all(200), ...NOBODY, front: 403 },
  },
  { method: 'GET', route: '/v1/matrix', path: () => '/v1/matrix', row: administers(200, 200) },
  {
    method: 'GET',
    route: '/v1/matrix',
    path: () => `/v1/matrix?asset=${scene.asset}`,
    row: administers(200, 404),
  },
  {
    method: 'POST',
    route: '/v1/policy/test',
    path: () => '/v1/policy/test',
    options: () => ({
      body: {
        cases: [{ principal: 'anonymous', product: 'owner', action: 'read', collection: 'gallery', expect: 'hide' }],
      },
    }),
    row: administers(200, 200),
  },
  { method: 'GET', route: '/v1/report/efficiency', path: () => '/v1/report/efficiency', row: administers(200, 200) },
  { method: 'GET', route: '/v1/sla', path: () => '/v1/sla', row: administers(200, 200) },
  { method: 'GET', route: '/v1/doctor', path: () => '/v1/doctor', row: administers(200, 200) },
  { method: 'GET', route: '/v1/dead-letters', path: () => '/v1/dead-letters', row: administers(200, 200) },
  {
    method: 'POST',
    route: '/v1/dead-letters/redrive',
    path: () => '/v1/dead-letters/redrive',
    options: () => ({ body: { class: 'timed-out' } }),
    row: administers(200, 200),
  },
  {
    method: 'POST',
    route: `${rendition}/rollback`,
    path: () => '/v1/collections/gallery/products/reader/renditions/thumb/rollback',
    options: () => ({ body: { to: 1 }, ...ifMatch }),
    row: products({ stranger: 404, reader: 200, editor: 404, owner: 404, admin: 200, elsewhere: 404 }),
  },
  {
    method: 'POST',
    route: `${rendition}/deprecate`,
    path: () => '/v1/collections/gallery/products/reader/renditions/thumb/deprecate',
    options: () => ({ body: { sunset: '2999-01-01T00:00:00Z' } }),
    row: products({ stranger: 404, reader: 200, editor: 404, owner: 404, admin: 200, elsewhere: 404 }),
  },
  {
    method: 'POST',
    route: `${rendition}/backfill`,
    path: () => '/v1/collections/gallery/products/reader/renditions/thumb/backfill',
    row: products({ stranger: 404, reader: 202, editor: 404, owner: 404, admin: 202, elsewhere: 404 }),
  },
  { method: 'GET', route: '/v1/operations', path: () => '/v1/operations', row: { ...all(200), ...NOBODY, front: 403 } },
  {
    method: 'GET',
    route: '/v1/operations/:operation',
    path: () => `/v1/operations/${scene.operation}`,
    row: products({ stranger: 404, reader: 200, editor: 404, owner: 404, admin: 200, elsewhere: 404 }),
  },
  // For whoever has heard the end: the others are told as long as it goes on.
  {
    method: 'GET',
    route: '/v1/operations/:operation/events',
    path: () => `/v1/operations/${scene.import}/events`,
    options: () => ({ headers: { 'Last-Event-ID': 'end' } }),
    row: products({ stranger: 404, reader: 404, editor: 404, owner: 204, admin: 204, elsewhere: 404 }),
  },
  // A backfill has no results and is not undone; who may not know of it hears the same.
  {
    method: 'GET',
    route: '/v1/operations/:operation/results',
    path: () => `/v1/operations/${scene.import}/results`,
    row: products({ stranger: 404, reader: 404, editor: 404, owner: 200, admin: 200, elsewhere: 404 }),
  },
  {
    method: 'POST',
    route: '/v1/operations/:operation/undo',
    path: () => `/v1/operations/${scene.import}/undo`,
    row: products({ stranger: 404, reader: 404, editor: 404, owner: 200, admin: 200, elsewhere: 404 }),
  },
  ...['pause', 'resume', 'cancel'].map(verb => ({
    method: 'POST',
    route: `/v1/operations/:operation/${verb}`,
    path: () => `/v1/operations/${scene.operation}/${verb}`,
    row: products({ stranger: 404, reader: 200, editor: 404, owner: 404, admin: 200, elsewhere: 404 }),
  })),
  { method: 'GET', route: '/v1/engine', path: () => '/v1/engine', row: administers(200, 200) },
  { method: 'POST', route: '/v1/engine/register', path: () => '/v1/engine/register', row: administers(422, 422) },
  { method: 'GET', route: '/v1/engine/rollouts', path: () => '/v1/engine/rollouts', row: administers(200, 200) },
  ...[
    { method: 'GET', route: '/v1/engine/rollouts/:rollout', end: '' },
    { method: 'GET', route: '/v1/engine/rollouts/:rollout/leaves/:leaf/picture', end: '/leaves/1/picture' },
    { method: 'POST', route: '/v1/engine/rollouts/:rollout/promote', end: '/promote' },
    { method: 'POST', route: '/v1/engine/rollouts/:rollout/rollback', end: '/rollback' },
  ].map(({ method, route, end }) => ({
    method,
    route,
    path: () => `/v1/engine/rollouts/${crypto.randomUUID()}${end}`,
    row: administers(404, 404),
  })),
  {
    method: 'POST',
    route: '/v1/engine/rollouts',
    path: () => '/v1/engine/rollouts',
    options: () => ({ body: { share: 1 } }),
    row: administers(202, 202),
  },
  { method: 'GET', route: '/v1/purges', path: () => '/v1/purges', row: administers(200, 200) },
  { method: 'POST', route: '/v1/purges/redrive', path: () => '/v1/purges/redrive', row: administers(200, 200) },
  { method: 'POST', route: '/v1/purges/test', path: () => '/v1/purges/test', row: administers(200, 200) },
  { method: 'GET', route: '/v1/capabilities', path: () => '/v1/capabilities', row: { ...all(200), ...NOBODY } },
  { method: 'GET', route: '/v1/costs', path: () => '/v1/costs', row: administers(200, 200) },
  {
    method: 'POST',
    route: '/v1/assets/:asset/versions/:version/release',
    path: () => `/v1/assets/${scene.asset}/versions/1/release`,
    options: () => ({ body: { reason: 'looked at' } }),
    row: administers(409, 404), // no version of the scene is held
  },
  { method: 'POST', route: '/v1/costs/measure', path: () => '/v1/costs/measure', row: administers(202, 202) },
  { method: 'GET', route: '/v1/audit', path: () => '/v1/audit?limit=1', row: administers(200, 200) },
  { method: 'GET', route: '/v1/audit/verify', path: () => '/v1/audit/verify', row: administers(200, 200) },
  {
    method: 'POST',
    route: '/v1/assets/:asset/undelete',
    path: () => `/v1/assets/${scene.asset}/undelete`,
    options: () => ifMatch,
    row: writes(200),
  },
  // These end the scene: nobody but the last of the table may.
  {
    method: 'POST',
    route: '/v1/assets/:asset/archive',
    path: () => `/v1/assets/${scene.asset}/archive`,
    options: () => ifMatch,
    row: writes(200),
  },
  {
    method: 'DELETE',
    route: '/v1/assets/:asset',
    path: () => `/v1/assets/${scene.asset}`,
    options: () => ifMatch,
    row: writes(204),
  },
  {
    method: 'POST',
    route: '/v1/assets/:asset/erase',
    path: () => `/v1/assets/${scene.asset}/erase`,
    options: () => ({ body: { reason: 'case 7' } }),
    // No key has the scope by default.
    row: administers(202, 404),
  },
]

let issuer: Issuer
let forger: Issuer
let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
const keys: Partial<Record<Who, string>> = { admin: ADMIN_KEY, garbage: 'garbage', elsewhere: 'admin-key-of-elsewhere' }

beforeAll(async () => {
  system = await startSystem({
    worker: false,
    env: { JWKS_LOOPBACK: '1', WEBHOOK_ALLOW: '127.0.0.1', WEBHOOK_SUBSCRIPTIONS: '100' },
  })
  issuer = await startIssuer({ audience: 'matrix' })
  forger = await startIssuer({ audience: 'matrix' })
  for (const each of [issuer, forger]) await each.addKey('k1', 'ES256')
  send = await openClient(system)
  socket = await openSocketClient(system)
  const { database } = system.core
  const admin = (method: string, path: string, body: object) => send(method, path, { key: ADMIN_KEY, body })
  for (const product of ['owner', 'editor', 'reader', 'stranger'] as const) {
    await expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product }), 201)
    keys[product] = (
      await expectJson<{ secret: string }>(admin('POST', `/v1/products/${product}/keys`, {}), 201)
    ).secret
  }
  const { iss, audience, jwksUri: jwks_uri } = issuer
  const subjects = [{ value: 'robot', product: 'owner' }]
  await expectJson(admin('PUT', '/v1/issuers/idp', { iss, audience, jwks_uri, algorithms: ['ES256'], subjects }), 201)
  keys.front = (await expectJson<{ secret: string }>(admin('POST', '/v1/keys', { scopes: ['origin'] }), 201)).secret
  // The table takes longer than five minutes where others use the cores.
  keys.token = await issuer.sign({ exp: Math.floor(Date.now() / 1000) + 3_600 })
  keys.forged = await forger.sign({ iss })
  await expectJson(admin('PUT', '/v1/collections/gallery', { owner: 'owner' }), 201)
  for (const role of ['editor', 'reader'])
    await expectJson(admin('PUT', `/v1/collections/gallery/grants/${role}`, { role }), 201)
  await expectJson(admin('PUT', '/v1/collections/gallery/products/reader/renditions/thumb', RECIPE), 201)
  const backfill = '/v1/collections/gallery/products/reader/renditions/thumb/backfill'
  scene.operation = (await expectJson<{ id: string }>(admin('POST', backfill, {}), 202)).id
  await ensureTenant(database, 'elsewhere')
  await putAdminKey(database, 'elsewhere', hashSecret(keys.elsewhere ?? ''))
  await insertKeyOf('revoked', undefined)
  await insertKeyOf('rotated', undefined)
  await insertKeyOf('expired', new Date(0))
  await send('DELETE', '/v1/keys/key_revoked', { key: ADMIN_KEY, ...ifMatch })
  keys.mistyped = `${(keys.owner ?? '').slice(0, -1)}${(keys.owner ?? '').endsWith('a') ? 'b' : 'a'}`
  const upload = { key: keys.owner, ...text() }
  const uploaded = send('POST', '/v1/assets?collection=gallery&alias=scene', upload)
  const { asset, digest } = await expectJson<{ asset: string; digest: string }>(uploaded, 201)
  scene.asset = asset
  scene.sha256 = digest.replace('sha256:', '')
  const draft = () =>
    send('POST', `/v1/assets/${asset}/versions?publish=manual`, { key: keys.owner, ...text() }).then(({ status }) =>
      expect(status).toBe(201),
    )
  await Promise.all(WHO.map(draft))
  for (const name of ['upload', 'ended'] as const) {
    const begun = await send('POST', '/v1/tus', { key: keys.owner, ...newUpload() })
    scene[name] = begun.headers.get('location')?.split('/').at(-1) ?? ''
  }
  const imported = send('POST', '/v1/assets/import', { key: keys.owner, ...importing() })
  scene.import = (await expectJson<{ id: string }>(imported, 202)).id
  const subscribe = async () => {
    const made = send('POST', '/v1/subscriptions', { key: keys.owner, body: SUBSCRIPTION })
    return (await expectJson<{ id: string }>(made, 201)).id
  }
  scene.subscription = await subscribe()
  scene.subscriptions = await Promise.all(Array.from({ length: 2 * WHO.length }, subscribe))
  const { items } = await expectJson<{ items: { subject: string }[] }>(send('GET', '/v1/contracts?kind=response'), 200)
  scene.said = items.slice(0, 2 * WHO.length).map(({ subject }) => subject)
  const reads = { key: keys.owner, body: { schema: { type: 'object' } } }
  for (const subject of ['asset.published', ...scene.said])
    await expectJson(send('PUT', `/v1/products/owner/contracts/${subject}`, reads), 200)
  const signing = await expectJson<typeof signer>(admin('POST', '/v1/products/owner/signing-keys', {}), 201)
  signer.kid = signing.kid
  signer.secret = signing.secret
  const rotated = await expectJson<typeof signer>(admin('POST', '/v1/products/owner/signing-keys', {}), 201)
  scene.kid = rotated.kid
  const share = { key: keys.owner, body: { renditions: [], original: true } }
  const { links } = await expectJson<{ links: { url: string }[] }>(
    send('POST', `/v1/assets/${scene.asset}/shares`, share),
    201,
  )
  scene.share = new URL(links[0]?.url ?? '').pathname
})
afterAll(async () => {
  await socket.close()
  await system.close()
  await Promise.all([issuer.close(), forger.close()])
})

const insertKeyOf = async (who: 'revoked' | 'expired' | 'rotated', expiresAt: Date | undefined): Promise<void> => {
  const secret = newSecret()
  if (who !== 'rotated') keys[who] = secret
  const scopes = ['resolve', 'assets:read', 'assets:write', 'publish'] as const
  const record = {
    keyId: `key_${who}`,
    tenantId: 'demo',
    productId: 'owner',
    secretHash: hashSecret(secret),
    label: '',
  }
  await insertKey(system.core.database, { ...record, scopes: [...scopes], expiresAt: expiresAt ?? null })
}

/** Methods and paths of the application, without its middleware. */
const registered = (): string[] => [
  ...new Set(
    system.app.routes
      .filter(({ path }) => !path.includes('*'))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)\{[^}]*\}/g, ':$1')}`),
  ),
]

const CHANGES = {
  name: 'test_audited_changes',
  text: `select tenant_id as tenant, actor, action, resource, request_id as request from audit
         where outcome = 'allowed' and action = any($1) order by insert_no`,
}
const NAMES = Object.values(ACTION_NAMES).filter(name => name !== undefined)

interface Changed {
  readonly tenant: string
  readonly actor: string
  readonly action: string
  readonly resource: string
  readonly request: string
}

const changes = (): Promise<Changed[]> => system.core.database.rows<Changed>(CHANGES, [NAMES])

test('every request that may change something has a name in the audit, or is known to change nothing', () => {
  const changing = registered().filter(route => !/^(GET|HEAD|OPTIONS) /.test(route))
  expect(Object.keys(ACTION_NAMES).sort()).toEqual(changing.sort())
  expect(new Set(NAMES).size).toBe(NAMES.length)
})

test('every route has its row, and every row its route', () => {
  const rows = new Set(CASES.map(({ method, route }) => `${method} ${route}`))
  expect([...rows].sort()).toEqual(registered().sort())
})

describe('everybody gets the answer that is for them', () => {
  test.each(CASES.flatMap(one => WHO.map(who => ({ ...one, who }))))(
    '$method $route for $who',
    async ({ method, route, path, options, row, who }) => {
      const before = row[who] >= 400 ? (await traces(system)).rows : undefined
      const recorded = (await changes()).length
      const response = await send(method, path(), { key: keys[who], ...options?.() })
      expect(response.status, await response.clone().text()).toBe(row[who])
      if (before) expect((await traces(system)).rows).toEqual(before)
      const action = ACTION_NAMES[`${method} ${route}`]
      const tenant = who === 'elsewhere' ? 'elsewhere' : 'demo'
      const request = response.headers.get('x-request-id')
      expect((await changes()).slice(recorded)).toMatchObject(
        row[who] < 400 && action !== undefined ? [{ action, tenant, request }] : [],
      )
    },
  )
})

describe('nothing is recorded of what has no effect', () => {
  const changing = CASES.filter(({ method, route }) => ACTION_NAMES[`${method} ${route}`] !== undefined)
  const parametersOf = async ({ method, route }: Case): Promise<readonly string[]> => {
    const { paths } = (await (await system.app.request('/openapi.json')).json()) as {
      paths: Record<string, Record<string, { parameters?: { name: string }[] }>>
    }
    const operation = paths[route.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
    return (operation?.parameters ?? []).map(({ name }) => name.toLowerCase())
  }

  test.each(changing)('$method $route', async one => {
    const known = await parametersOf(one)
    const options = { key: ADMIN_KEY, ...one.options?.() }
    if (known.includes('validate_only')) {
      const recorded = (await changes()).length
      const path = one.path()
      await send(one.method, `${path}${path.includes('?') ? '&' : '?'}validate_only=true`, options)
      expect(await changes()).toHaveLength(recorded)
    }
    if (known.includes('idempotency-key')) {
      const again = { ...options, headers: { ...options.headers, 'Idempotency-Key': crypto.randomUUID() } }
      const first = await send(one.method, one.path(), again)
      const recorded = (await changes()).length
      const second = await send(one.method, one.path(), again)
      if (first.ok) expect(second.headers.get('idempotent-replayed')).toBe('true')
      expect(await changes()).toHaveLength(recorded)
    }
  })

  test('there are such routes of both kinds', async () => {
    const known = (await Promise.all(changing.map(parametersOf))).flat()
    expect(known.filter(name => name === 'validate_only').length).toBeGreaterThan(5)
    expect(known.filter(name => name === 'idempotency-key').length).toBeGreaterThan(2)
  })
})

describe('who may not know hears the same of what is there and of what is not', () => {
  const swap = (path: string): string => path.replace(scene.asset, scene.missing)
  const told = async (ask: Send, method: string, path: string, options: CallOptions) => {
    const response = await ask(method, path, options)
    // The length of a body is that of its request's id, too, which grows; the body itself is compared.
    const headers = [...response.headers]
      .filter(([name]) => !/^(x-request-id|x-correlation-id|traceparent|server-timing|date|content-length)$/.test(name))
      // Goes on from request to request, whatever is asked for.
      .map(([name, value]) => [name, name === 'ratelimit' ? value.replace(/=\d+/g, '=n') : value] as const)
      .sort()
    return { status: response.status, headers, body: (await response.text()).replace(/req_[\w-]+/, '') }
  }
  const about = CASES.filter(({ route, row }) => route.includes(':asset') && row.stranger === 404)
  const whos = ['anonymous', 'garbage', 'revoked', 'forged', 'stranger', 'elsewhere'] as const

  test.each(about.flatMap(one => whos.map(who => ({ ...one, who }))))(
    '$method $route for $who',
    async ({ method, path, options, who }) => {
      for (const ask of [send, socket.send]) {
        const there = await told(ask, method, path(), { key: keys[who], ...options?.() })
        const missing = await told(ask, method, swap(path()), { key: keys[who], ...options?.() })
        expect(there).toEqual(missing)
      }
    },
  )

  test('explain ends its trail where the answer would', async () => {
    const trail = async (asset: string, key = keys.elsewhere) =>
      expectJson(
        send('POST', '/v1/products/owner/resolve/explain', { key, body: { asset, rendition: 'original' } }),
        200,
      )
    const [there, missing] = [await trail(scene.asset), await trail(scene.missing)]
    expect(there.outcome).toBe('not-found')
    const told = (trail: object) => JSON.stringify(trail).replace(/"us":\d+|\(\d+ us\)/g, '')
    expect(told(there).replaceAll(scene.asset, '')).toBe(told(missing).replaceAll(scene.missing, ''))
  })

  test('a collection and its cells are no oracle either', async () => {
    for (const [there, missing] of [
      [
        '/v1/collections/gallery/products/stranger/renditions/x',
        '/v1/collections/nothing/products/stranger/renditions/x',
      ],
      ['/v1/assets?collection=gallery', '/v1/assets?collection=nothing'],
    ] as const) {
      expect(await told(send, 'GET', there, { key: keys.stranger })).toEqual(
        await told(send, 'GET', missing, { key: keys.stranger }),
      )
    }
    const upload = (collection: string) =>
      told(send, 'POST', `/v1/assets?collection=${collection}`, { key: keys.stranger, ...text() })
    expect(await upload('gallery')).toEqual(await upload('nothing'))
  })

  test('equal bytes of another tenant are not known', async () => {
    const { database } = system.core
    const bytes = new TextEncoder().encode('the same in both tenants')
    const send2 = (path: string, options: CallOptions, method = 'POST') =>
      send(method, path, { key: keys.elsewhere, ...options })
    await expectJson(send2('/v1/products/own', { body: { display_name: 'Own' } }, 'PUT'), 201)
    await expectJson(send2('/v1/collections/gallery', { body: { owner: 'own' } }, 'PUT'), 200)
    await expectJson(send('POST', '/v1/assets?collection=gallery', { key: keys.owner, body: bytes }), 201)
    const other = await expectJson(send2('/v1/assets?collection=gallery', { body: bytes }), 201)
    expect(other.deduplicated).toBe(false)
    const count = { name: 'originals_of', text: 'select count(*)::int as n from original where sha256 = sha256($1)' }
    expect(await database.rows(count, [Buffer.from(bytes)])).toEqual([{ n: 2 }])
  })
})
