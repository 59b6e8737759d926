/**
 * Whose request it is, by address. What the socket says is true; `X-Forwarded-For` is what somebody wrote, and believed only as
 * far as it was written by a proxy of ours: from the right, the first entry that is no proxy is the client. `Forwarded`,
 * `X-Real-IP` and every other header of the kind are not looked at, so that there is one thing that a proxy has to set.
 *
 * Nothing is done until somebody asks: the warm path never does.
 */
import type { IncomingMessage } from 'node:http'
import { addressOf, type Network, openNetworks } from '../lib/network.ts'
import type { MatrixContext } from './context.ts'

export interface ClientAddress {
  /** `undefined` where there is no socket: requests made inside of the process. */
  ofMessage(incoming: Pick<IncomingMessage, 'socket' | 'headers'>): string | undefined
  ofContext(c: MatrixContext): string | undefined
}

export const openClientAddress = (trustedProxies: readonly Network[]): ClientAddress => {
  const isProxy = openNetworks(trustedProxies)

  const clientOf = (peer: string | undefined, forwardedFor: string | undefined): string | undefined => {
    let client = peer === undefined ? undefined : addressOf(peer)
    if (client === undefined || forwardedFor === undefined || !isProxy(client)) return client
    for (const entry of forwardedFor.split(',').reverse()) {
      const before = addressOf(entry.trim())
      // Whatever a proxy did not understand either (`unknown`, garbage) ends what is known.
      if (before === undefined) return client
      client = before
      if (!isProxy(client)) return client
    }
    return client
  }

  const ofMessage: ClientAddress['ofMessage'] = ({ socket, headers }) => {
    const forwarded = headers['x-forwarded-for']
    return clientOf(socket?.remoteAddress, Array.isArray(forwarded) ? forwarded.join(',') : forwarded)
  }
  return {
    ofMessage,
    ofContext: c => {
      const incoming = c.env?.incoming
      return incoming && ofMessage(incoming)
    },
  }
}
