import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Cause } from '../model/event.ts'
import type { Principal, Proven } from '../model/principal.ts'
import type { Account } from '../rates/rates.ts'

/** Of a key, of what proved itself, or of nobody. */
export interface Credential {
  readonly secretHash?: string | undefined
  readonly proven?: Pick<Proven, 'principal'> | undefined
}

export interface Variables {
  requestId: string
  correlationId: string
  /** Whose request it is, for whoever asks. */
  addresses: { ofMessage(incoming: Pick<IncomingMessage, 'socket' | 'headers'>): string | undefined }
  /** Set by `authenticated`. */
  principal: Principal
  /** Set for every route that is limited: who is to ask it says so here, before anything is done for him. */
  admit: (credential: Credential) => Promise<Account | undefined>
}

export interface Env {
  Bindings: HttpBindings
  Variables: Variables
}

export type MatrixContext = Context<Env>

/** Who asks for a change, as its events name them. */
export const causeOf = (c: MatrixContext): Cause => ({
  actor: c.get('principal').id,
  correlationId: c.get('correlationId'),
})
