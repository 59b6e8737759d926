/** Where the caller sits: the other end of the socket. `undefined` where there is none. */
import type { IncomingMessage } from 'node:http'
import type { MatrixContext } from './context.ts'

export const addressOfSocket = (incoming: IncomingMessage) => (): string | undefined => incoming.socket.remoteAddress

export const addressOf = (c: MatrixContext) => (): string | undefined => c.env?.incoming?.socket.remoteAddress
