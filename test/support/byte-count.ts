/** How much clients have sent to a port. */
import { connect } from 'node:net'
import { type Relay, startRelay } from './relay.ts'

export interface ByteCount extends Relay {
  sent(): number
}

export const startByteCount = async (port: number): Promise<ByteCount> => {
  let bytes = 0
  const relay = await startRelay({
    connect: () => connect(port, '127.0.0.1'),
    listen: () => chunk => {
      bytes += chunk.length
    },
  })
  return { ...relay, sent: () => bytes }
}
