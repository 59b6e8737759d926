/**
 * The warm lane: a plain question whose answer is ready goes from node's request to node's response, without the framework
 * between. Everything else (a query, a wait, a condition, a refusal, what is not ready) passes on to it untouched and is
 * asked again there, so the lane decides nothing that the routes do not: it may answer, or step aside.
 *
 * Measured, CPU a request without sockets, read of Postgres included: 14 us here, 21 through the routes.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { readHints } from '../deliver/hints.ts'
import type { Gateway } from '../gateway.ts'
import { subscriberOf } from '../lib/network.ts'
import { canonicalDeliveryPath, type DeliveryPath, INFO, isPathProblem } from '../model/delivery-path.ts'
import { ANONYMOUS, type Credential } from '../policy/credentials.ts'
import type { Account } from '../rates/rates.ts'
import type { Question, Ready } from '../resolve/resolve.ts'
import { accelHeaders, FRONT_HEADER, openFront } from './accel.ts'
import { type ClientAddress, openClientAddress } from './client-address.ts'
import { describing } from './conditional.ts'
import { contentFor } from './content.ts'
import { noteAnswer } from './denials.ts'
import { LEAST_HEADER } from './least.ts'
import { type Link, readLink } from './link.ts'
import type { Mode } from './presentation.ts'
import { redirectHeaders, resolutionDocument, resolutionHeaders } from './ready.ts'
import { openRequestNames, span } from './request-names.ts'
import { cutOffStalled } from './send-bytes.ts'

/** Answers or calls `otherwise`, never both. */
export type Lane = (incoming: IncomingMessage, outgoing: ServerResponse, otherwise: () => void) => void

interface Ask {
  readonly question: Question
  /** As the router would name it. */
  readonly route: string
  /** `edge`: as the product's cell of the matrix says. */
  readonly mode: 'json' | 'redirect' | 'edge'
  readonly link: Link['place'] | undefined
  readonly origin: string | undefined
}

const RESOLVE_ROUTE = '/v1/products/:product/assets/:asset/renditions/:rendition'
const DELIVER_ROUTE = '/i/:product/:asset/:version/:file'
const LINK_ROUTE = {
  query: DELIVER_ROUTE,
  path: `/s/:proof${DELIVER_ROUTE}`,
  share: `/share/:token${DELIVER_ROUTE}`,
} as const satisfies Record<Link['place'], string>
const NAME = '([a-z0-9][a-z0-9-]{0,39})'
const UUID = '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})'
const RESOLVE_PATH = new RegExp(`^/v1/products/${NAME}/assets/${UUID}/renditions/${NAME}$`)

/** Of requests with one of these the routes know more. */
const isPlain = (headers: IncomingHttpHeaders): boolean =>
  headers.prefer === undefined &&
  headers['if-none-match'] === undefined &&
  headers['if-match'] === undefined &&
  headers.range === undefined &&
  headers[LEAST_HEADER] === undefined

/** `undefined`: not for this lane. What the routes would refuse is left to them. */
const readAsk = (incoming: IncomingMessage, known: Known): Ask | undefined => {
  try {
    return parseAsk(incoming, known)
  } catch {
    return undefined // they say why
  }
}

interface Known {
  /** Of a credential without asking anybody. */
  readonly recall: (authorization: string | undefined) => Credential | undefined
  readonly clients: ClientAddress
}

/** Whatever is spelled otherwise the routes send on. */
const readCanonical = (sent: string): DeliveryPath | undefined => {
  const read = canonicalDeliveryPath(sent)
  return isPathProblem(read) || read.path !== sent || read.asked.rendition === INFO ? undefined : read.asked
}

const parseAsk = (incoming: IncomingMessage, { recall, clients }: Known): Ask | undefined => {
  const { method, url = '', headers } = incoming
  if (method !== 'GET' || !isPlain(headers)) return undefined
  const address = () => clients.ofMessage(incoming)
  const asked = RESOLVE_PATH.exec(url)
  const link = asked === null ? readLink(url) : undefined
  if (link !== undefined && link.query !== '') return undefined
  const delivery = asked === null ? readCanonical(link?.path ?? url) : undefined
  if (asked === null && delivery === undefined) return undefined
  if (asked !== null && headers.authorization === undefined) return undefined
  const credential = link === undefined ? recall(headers.authorization) : ANONYMOUS
  if (credential === undefined) return undefined
  const caller = { headers, address, credential }
  if (asked !== null) return resolveAsk(asked, caller)
  return delivery === undefined ? undefined : deliverAsk(delivery, caller, link)
}

interface Caller {
  readonly headers: IncomingHttpHeaders
  readonly address: Question['address']
  readonly credential: Credential
}

// Written out, here and in `answerFrom`: an object made by spreading is built property by property in the runtime, and each
// later access to it is slow too. Measured: 4 us of a request.
const resolveAsk = (
  [, product = '', asset = '', rendition = '']: RegExpExecArray,
  { headers, address, credential: { secretHash, proven } }: Caller,
): Ask => {
  const mode = headers.accept?.includes('application/json') ? 'json' : 'redirect'
  return {
    route: RESOLVE_ROUTE,
    mode,
    link: undefined,
    origin: headers.origin,
    question: {
      secretHash,
      proven,
      signed: undefined,
      shareHash: undefined,
      product,
      asset,
      version: undefined,
      rendition,
      dpr: undefined,
      format: 'auto',
      accept: headers.accept,
      hints: undefined,
      waitMs: 0,
      countSharers: mode === 'json',
      address,
      signal: undefined,
    },
  }
}

const deliverAsk = (
  { product, asset, version, rendition, dpr, format }: DeliveryPath,
  { headers, address, credential: { secretHash, proven } }: Caller,
  link: Link | undefined,
): Ask => {
  return {
    route: link === undefined ? DELIVER_ROUTE : LINK_ROUTE[link.place],
    mode: 'edge',
    link: link?.place,
    origin: headers.origin,
    question: {
      secretHash,
      proven,
      signed: link?.signed,
      shareHash: link?.shareHash,
      product,
      asset,
      version,
      rendition,
      dpr,
      format,
      accept: headers.accept,
      hints: readHints(headers),
      waitMs: 0,
      countSharers: false,
      address,
      signal: undefined,
    },
  }
}

export const openWarmLane = (gateway: Gateway): Lane => {
  const { peek, locate, hotBytes, clock, metrics, recall, rates, config, policy, tracing } = gateway
  const { modeOf } = openFront(gateway)
  const names = openRequestNames(gateway)
  const clients = openClientAddress(config.trustedProxies)
  const known = { recall, clients }

  /** `undefined`: not asked for before on this gateway, which the routes find out about. 0.1 us of a request with a key. */
  const accountOf = ({ secretHash, proven }: Question, incoming: IncomingMessage): Account | undefined => {
    if (secretHash !== undefined || proven !== undefined) return rates.known({ secretHash, proven })
    const address = clients.ofMessage(incoming)
    return address === undefined ? undefined : rates.ofAddress(subscriberOf(address))
  }

  /** `undefined`: not for this lane, either. */
  const send = async (ready: Ready, { question, link, origin, mode: asked }: Ask, mode: Mode) => {
    const isApi = asked !== 'edge'
    const presentation = {
      mode,
      pinned: question.version !== undefined,
      download: undefined,
      link,
      needsCredential: isApi,
      modeNegotiated: isApi,
      origin,
      now: clock.now(),
    }
    if (mode === 'stream') {
      const body = hotBytes.find(ready.derivative.objectKey)
      if (body === undefined) return undefined
      const { headers } = contentFor(ready, presentation, gateway)
      return { status: 200, headers: Object.assign(headers, { 'Content-Length': String(body.length) }), body }
    }
    if (mode === 'accel') {
      const headers = accelHeaders(ready, presentation, gateway)
      headers['Content-Length'] = '0'
      return { status: 200, headers, body: undefined }
    }
    const located = await locate(ready)
    if (mode === 'redirect')
      return { status: 302, headers: redirectHeaders(ready, located, presentation), body: undefined }
    const body = JSON.stringify(resolutionDocument(ready, located))
    const headers = resolutionHeaders(ready, located, presentation)
    return { status: 200, headers: Object.assign(headers, describing(body)), body }
  }

  /** False: nothing was sent. */
  const answer = async (ask: Ask, incoming: IncomingMessage, outgoing: ServerResponse): Promise<boolean> => {
    const { 'x-correlation-id': correlationId, traceparent } = incoming.headers
    const named = names.begin(correlationId as string | undefined, traceparent as string | undefined)
    const account = accountOf(ask.question, incoming)
    if (account === undefined || account.isFull('resolve')) return false
    const { span: traced } = named
    const ready = await (traced && tracing ? tracing.inside(traced, () => peek(ask.question)) : peek(ask.question))
    if (ready === undefined) return false
    const spans = span('resolve', performance.now() - named.startedAt)
    const mode = ask.mode === 'edge' ? modeOf(ready, incoming.headers[FRONT_HEADER]) : ask.mode
    const sent = await send(ready, ask, mode)
    if (sent === undefined) return false
    const { status, headers, body } = sent
    account.take('resolve')
    if (ready.delivery === 'accel' && ask.mode === 'edge') metrics.accel.inc({ by: mode })
    metrics.resolutions.inc({ outcome: 'ready' })
    noteAnswer(gateway, ready, () => {
      const { requestId, correlationId } = named
      return { requestId, correlationId, client: clients.ofMessage(incoming) }
    })
    if (ask.question.signed !== undefined) metrics.signatures.inc({ outcome: 'accepted' })
    const said = names.end(named, {
      route: ask.route,
      method: 'GET',
      path: incoming.url ?? '',
      status,
      product: ask.question.product,
      spans,
    })
    outgoing.writeHead(status, Object.assign(headers, said, account.fields('resolve')))
    if (mode === 'stream') cutOffStalled(outgoing, config.streamStallMs)
    outgoing.end(body)
    return true
  }

  // An engine takes longer than the lane saves, and one that refuses would be asked again by the routes.
  if (!policy.isMatrixAlone) return (_incoming, _outgoing, otherwise) => otherwise()

  return (incoming, outgoing, otherwise) => {
    const ask = readAsk(incoming, known)
    if (ask === undefined) return otherwise()
    // A refusal is worded by the routes, and a failure of an engine is met and reported there.
    answer(ask, incoming, outgoing).then(
      done => done || otherwise(),
      () => otherwise(),
    )
  }
}
