/** The gateway as functions: every route by its name in `request`, and what products do every day by a word of its own. */
import { type DirectUpload, type SendOptions, uploadDirect } from '../lib/upload-direct.ts'
import type { Asset, BatchItem, IngestedVersion, Pending, Publication, Resolution, Routes } from './api.ts'
import {
  type AnyEvent,
  type EventFilter,
  type EventPage,
  type FollowOptions,
  followPages,
  followStream,
} from './events.ts'
import { MatrixProblem, problemOf } from './problem.ts'
import type { Answer, Ask } from './routes.ts'
import { type Subscriptions, subscriptionsOf } from './subscriptions.ts'
import { type CallOptions, type Content, isDocument, openTransport, type TransportOptions } from './transport.ts'

/** Names of one product, as `matrix generate` prints them; any name, where they are not known. */
export interface Names {
  readonly renditions: string
  readonly collections: string
}

export interface ClientOptions extends TransportOptions {
  /** Whose renditions `resolve`, `resolveBatch` and `picture` ask for. */
  readonly product?: string
}

export interface UploadWish<C extends string = string> {
  readonly collection: C
  readonly publish?: 'when-ready' | 'now' | 'manual'
  readonly filename?: string
  readonly alias?: string
  readonly labels?: readonly string[]
  readonly attributes?: Readonly<Record<string, unknown>>
  /** A claim that the content has to bear out. */
  readonly mediaType?: string
}

type ResolveQuery = NonNullable<Routes['GET /v1/products/{product}/assets/{asset}/renditions/{rendition}']['query']>
export type ResolveOptions = Pick<ResolveQuery, 'format' | 'version' | 'wait' | 'dpr' | 'fallback' | 'min'> &
  CallOptions
type BatchBody = Exclude<Routes['POST /v1/products/{product}/resolve/batch']['body'], readonly unknown[]>
export type BatchWish<R extends string> = Omit<BatchBody['items'][number], 'rendition'> & { readonly rendition: R }
type PictureQuery = Routes['GET /v1/products/{product}/assets/{asset}/picture']['query']
type AssetQuery = NonNullable<Routes['GET /v1/assets']['query']>
type Change = Exclude<Routes['PATCH /v1/assets/{asset}']['body'], string>

/** With the ETag that `ifMatch` of a change takes. */
export type TaggedAsset = Asset & { readonly etag: string }
/** `*` where it does not matter what has happened in between. */
export interface IfMatch {
  readonly ifMatch: string
}

export interface Client<N extends Names = Names> {
  /** Any route, typed by docs/openapi.json: `request('GET /v1/assets/{asset}/versions', { path: { asset } })`. Answers that are no JSON come as `Response`. */
  readonly request: Ask
  /** Streams, unless it is a stream, are opened anew for each try; a stream itself is sent once. */
  upload(content: Content, wish: UploadWish<N['collections']>, options?: CallOptions): Promise<IngestedVersion>
  uploadVersion(
    asset: string,
    content: Content,
    wish?: Omit<UploadWish, 'collection' | 'alias' | 'labels' | 'attributes'>,
    options?: CallOptions,
  ): Promise<IngestedVersion>
  /** Straight into the store, in parts; goes on where it ended when it is called with the same `idempotencyKey`. Asks with the global `fetch`. */
  uploadDirect(
    content: Blob,
    wish: Readonly<Record<string, unknown>> & { readonly collection: N['collections'] },
    options?: SendOptions & { readonly idempotencyKey?: string },
  ): Promise<DirectUpload>
  /** `state` says whether it is `ready`, `stale` or `pending`; `wait` has it wait up to so many seconds. */
  resolve(
    asset: string,
    rendition: N['renditions'] | 'original',
    options?: ResolveOptions,
  ): Promise<Resolution | Pending>
  /** Up to 200 at once, in the order in which they were asked for; refusals come as `problem` of their item. */
  resolveBatch(items: readonly BatchWish<N['renditions']>[], options?: CallOptions): Promise<readonly BatchItem[]>
  /** The bytes, as they come: resolved, and fetched from wherever they are. Throws `not-ready` while there are none. */
  open(asset: string, rendition: N['renditions'] | 'original', options?: ResolveOptions): Promise<Response>
  picture(
    asset: string,
    renditions: readonly N['renditions'][],
    options?: Omit<PictureQuery, 'renditions'> & CallOptions,
  ): Promise<Answer<'GET /v1/products/{product}/assets/{asset}/picture'>>
  asset(asset: string, options?: CallOptions): Promise<TaggedAsset>
  /** Everything that fits, page by page, as it is asked for. */
  search(query?: Omit<AssetQuery, 'cursor'>, options?: CallOptions): AsyncGenerator<Asset, void, undefined>
  versions(asset: string, options?: CallOptions): Promise<Answer<'GET /v1/assets/{asset}/versions'>>
  change(asset: string, change: Change, options: IfMatch & CallOptions): Promise<TaggedAsset>
  publish(asset: string, version: number, options: IfMatch & CallOptions): Promise<Publication>
  rollback(asset: string, options: IfMatch & CallOptions & { readonly to?: number }): Promise<Publication>
  /** Pages of the log, to its end, or on and on with `everyMs`. */
  pages(options?: FollowOptions): AsyncGenerator<EventPage, void, undefined>
  /** Events as they happen, for ever. */
  stream(options?: EventFilter & { readonly signal?: AbortSignal }): AsyncGenerator<AnyEvent, void, undefined>
  readonly subscriptions: Subscriptions
}

const jsonOf = (value: unknown): string => JSON.stringify(value)

/**
 * A client of one gateway. Throws `MatrixProblem`, whose `code` is one of a known list. What is safe to ask twice is asked again when
 * the gateway is busy or away, after a random wait that grows, or after the one that it asks for.
 *
 * @example
 * const matrix = createClient({ baseUrl: 'https://assets.example', key, product: 'shop-web' })
 * const { asset } = await matrix.upload(file, { collection: 'product-photo' })
 * const card = await matrix.resolve(asset, 'card', { wait: 10 })
 */
export const createClient = <N extends Names = Names>(options: ClientOptions): Client<N> => {
  const transport = openTransport(options)

  const productOf = (): string => {
    if (options.product === undefined)
      throw new TypeError('Expected the option product to name whose renditions these are.')
    return options.product
  }
  const ask: Ask = async (route, input, own) => {
    const { path, query, body } = input as {
      path?: Record<string, string>
      query?: Record<string, unknown>
      body?: unknown
    }
    const isBytes = body === undefined || typeof body === 'string' || !isPlain(body)
    const content = isBytes ? (body as Content) : jsonOf(body)
    const response = await transport.send(
      route,
      { ...(path && { path }), ...(query && { query }), ...(content !== undefined && { content }) },
      own,
    )
    return (
      response.status === 204 ? undefined : isDocument(response.headers) ? await response.json() : response
    ) as never
  }
  const send = (
    route: 'POST /v1/assets' | 'POST /v1/assets/{asset}/versions',
    content: Content,
    wish: Partial<UploadWish>,
    own: CallOptions | undefined,
    path = {},
  ): Promise<IngestedVersion> => {
    const { mediaType, labels, attributes, ...plain } = wish
    const query = { ...plain, labels: labels?.join(','), attributes: attributes && jsonOf(attributes) }
    const isTyped = content instanceof Blob && content.type !== ''
    const headers = {
      'Content-Type': mediaType ?? (isTyped ? content.type : 'application/octet-stream'),
      ...own?.headers,
    }
    return transport.send(route, { path, query, content }, { ...own, headers }).then(readJson<IngestedVersion>)
  }
  const resolve: Client['resolve'] = (asset, rendition, { format, version, wait, dpr, fallback, min, ...own } = {}) =>
    ask(
      'GET /v1/products/{product}/assets/{asset}/renditions/{rendition}',
      {
        path: { product: productOf(), asset, rendition },
        query: { format, version, wait, dpr, fallback, min } as ResolveQuery,
      },
      own,
    ) as Promise<Resolution | Pending>
  const tagged = async (response: Response): Promise<TaggedAsset> => ({
    ...((await response.json()) as Asset),
    etag: response.headers.get('etag') ?? '*',
  })
  const changing = ({ ifMatch, ...own }: IfMatch & CallOptions): CallOptions => ({
    ...own,
    headers: { ...own.headers, 'If-Match': ifMatch },
  })

  return {
    request: ask,
    upload: (content, wish, own) => send('POST /v1/assets', content, wish, own),
    uploadVersion: (asset, content, wish = {}, own) =>
      send('POST /v1/assets/{asset}/versions', content, wish, own, { asset }),
    uploadDirect: async (content, wish, own) =>
      uploadDirect({
        ...own,
        url: options.baseUrl,
        key: (await transport.authorization()).slice('Bearer '.length),
        wish,
        content,
      }),
    resolve,
    resolveBatch: async (items, own) =>
      (await ask('POST /v1/products/{product}/resolve/batch', { path: { product: productOf() }, body: { items } }, own))
        .items,
    async open(asset, rendition, own) {
      const found = await resolve(asset, rendition, own)
      if (found.state === 'pending')
        throw new MatrixProblem('open', {
          code: 'not-ready',
          status: 202,
          detail: 'It is being made.',
          retryAfterMs: found.retry_after * 1000,
        })
      const response = await transport.fetch(found.delivery.url, { ...(own?.signal && { signal: own.signal }) })
      if (!response.ok) throw await problemOf('open', response)
      return response
    },
    picture(asset, renditions, { signal, timeoutMs, headers, ...query } = {}) {
      const own = { ...(signal && { signal }), ...(timeoutMs && { timeoutMs }), ...(headers && { headers }) }
      return ask(
        'GET /v1/products/{product}/assets/{asset}/picture',
        { path: { product: productOf(), asset }, query: { ...query, renditions: renditions.join(',') } },
        own,
      )
    },
    asset: async (asset, own) => tagged(await transport.send('GET /v1/assets/{asset}', { path: { asset } }, own)),
    async *search(query = {}, own = {}) {
      for (let cursor: string | undefined; ; ) {
        const page = await ask('GET /v1/assets', { query: { ...query, ...(cursor !== undefined && { cursor }) } }, own)
        yield* page.items
        cursor = page.next_cursor
        if (cursor === undefined) return
      }
    },
    versions: (asset, own) => ask('GET /v1/assets/{asset}/versions', { path: { asset } }, own),
    change: async (asset, change, own) =>
      tagged(
        await transport.send('PATCH /v1/assets/{asset}', { path: { asset }, content: jsonOf(change) }, changing(own)),
      ),
    publish: (asset, version, own) =>
      ask('POST /v1/assets/{asset}/publish', { path: { asset }, body: { version } }, changing(own)),
    rollback: (asset, { to, ...own }) =>
      ask('POST /v1/assets/{asset}/rollback', { path: { asset }, body: to === undefined ? {} : { to } }, changing(own)),
    pages: (follow = {}) => followPages(transport, follow),
    stream: (filter = {}) => followStream(transport, filter),
    subscriptions: subscriptionsOf(ask),
  }
}

const readJson = async <T>(response: Response): Promise<T> => (await response.json()) as T

const isPlain = (value: unknown): boolean => {
  const prototype: unknown = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined
  return prototype === Object.prototype || prototype === null || Array.isArray(value)
}
