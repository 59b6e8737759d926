import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Cause } from '../model/event.ts'
import type { Principal } from '../model/principal.ts'

export interface Variables {
  requestId: string
  correlationId: string
  /** Whose request it is, for whoever asks. */
  addresses: { ofMessage(incoming: Pick<IncomingMessage, 'socket' | 'headers'>): string | undefined }
  /** Set by `authenticated`. */
  principal: Principal
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
