/**
 * The daemon of ClamAV, by the command INSTREAM (clamd(8)): chunks behind their length as four bytes, big end first, and a chunk of
 * none at the end; it answers `stream: OK`, `stream: <name> FOUND` or `<why> ERROR`. Its `StreamMaxLength` has to be at least as
 * long as what a collection takes.
 */
import { connect, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { signatureName } from '../model/scan.ts'
import type { Scanner } from './scanner.ts'

/** A host with a port, or the path of a socket. */
export type ClamdAddress = { readonly host: string; readonly port: number } | { readonly path: string }

const MOST_ANSWER = 4_096

/** Until the NUL that ends it, or the connection does. */
const answerOf = async (socket: Socket): Promise<string> => {
  let text = ''
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString('latin1')
    if (text.includes('\0') || text.length > MOST_ANSWER) break
  }
  return text.replace(/\0.*$/s, '').trim()
}

const lengthOf = (bytes: number): Buffer => {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(bytes)
  return header
}

async function* framed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.from('zINSTREAM\0')
  for await (const chunk of chunks) {
    yield lengthOf(chunk.length)
    yield chunk
  }
  yield lengthOf(0)
}

export const openClamd = (address: ClamdAddress, { timeoutMs }: { timeoutMs: number }): Scanner => ({
  name: 'clamd',
  async scan({ open }) {
    const socket = connect('path' in address ? { path: address.path } : address)
    // Silence: a scan itself may take as long as it says something or takes bytes.
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('clamd is silent')))
    const answer = answerOf(socket)
    answer.catch(() => undefined) // awaited below, where opening has not failed before
    try {
      // It may answer and hang up before it has had everything: then what it said tells why. An original that breaks off ends both.
      await pipeline(framed((await open()) as AsyncIterable<Buffer>), socket, { end: false }).catch(error =>
        socket.destroy(error),
      )
      const said = await answer
      if (said === 'stream: OK') return { clean: true }
      const [, signature] = /^stream: (.+) FOUND$/.exec(said) ?? []
      if (signature !== undefined) return { clean: false, signature: signatureName(signature) }
      throw new Error(`clamd said ${JSON.stringify(said.slice(0, 200))}`)
    } finally {
      socket.destroy()
    }
  },
})
