import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { BrowserRules } from '../model/browser-rules.ts'
import type { Cause } from '../model/event.ts'
import type { Principal } from '../model/principal.ts'
import type { Credential } from '../policy/credentials.ts'
import type { Signed } from '../policy/signature.ts'
import type { Account } from '../rates/rates.ts'

/** Somebody who is known, or what he brought. */
export type Caller = Credential | { readonly principal: Principal }

/** A request of a delivery, as far as it has been read. */
export interface Asked {
  /** Where its URL says that it may be asked for, if it does. */
  readonly link: Signed['place'] | 'share' | undefined
  /** Whether caches keep for seconds that there is nothing. */
  readonly isKept: boolean
  /** Of its product; `undefined`: not known yet. */
  readonly browser: BrowserRules | 'none' | undefined
}

export interface Variables {
  requestId: string
  correlationId: string
  /** Of this request, W3C Trace Context. */
  traceparent: string
  /** Whose request it is, for whoever asks. */
  addresses: { ofMessage(incoming: Pick<IncomingMessage, 'socket' | 'headers'>): string | undefined }
  /** For `Server-Timing` (request-names.ts). */
  spans: string | undefined
  /** Set where an answer has to be made first. */
  waits: boolean | undefined
  /** Set by `authenticated`. */
  principal: Principal
  /** Set by `identified`. */
  identity: { readonly credential: Credential; readonly account: Account }
  /** Set by the routes of deliveries, for their refusals. */
  asked: Asked | undefined
  /** Set for every route that is limited: who is to ask it says so here, before anything is done for him. */
  admit: (who: Caller) => Promise<Account | undefined>
  /** A body that goes from stream to stream, once the head is complete. */
  leaving: { readonly status: number; readonly source: Readable } | undefined
}

export interface Env {
  Bindings: HttpBindings
  Variables: Variables
}

export type MatrixContext = Context<Env>

/** Who asks for a change, as its events name them. */
export const causeOf = (c: MatrixContext): Cause => {
  const { id: actor, product } = c.get('principal')
  return { actor, product, correlationId: c.get('correlationId'), traceparent: c.get('traceparent') }
}
