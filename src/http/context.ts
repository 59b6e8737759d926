import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
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
