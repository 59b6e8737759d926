/**
 * A scanner behind HTTP: the bytes are posted to it, and its JSON says `{"clean": true}` or `{"clean": false, "signature": "…"}`. Anything
 * else, another status and a redirect included, is no verdict. It is ours to trust, so it is called wherever it is.
 */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { z } from 'zod'
import { boundedText } from '../lib/bounded-text.ts'
import { signatureName } from '../model/scan.ts'
import type { Scanner } from './scanner.ts'

const MOST_ANSWER = 65_536
const Answer = z.union([
  z.object({ clean: z.literal(true) }),
  z.object({ clean: z.literal(false), signature: z.string().default('unnamed') }),
])

export interface HookOptions {
  readonly url: string
  readonly token: string | undefined
  readonly timeoutMs: number
}

export const openHook = ({ url, token, timeoutMs }: HookOptions): Scanner => ({
  name: 'hook',
  async scan({ bytes, mediaType, digest, open }) {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'Content-Type': mediaType,
        'Content-Length': String(bytes),
        'Matrix-Digest': digest,
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
      body: Readable.toWeb(await open()) as ReadableStream,
      duplex: 'half',
      signal: AbortSignal.timeout(timeoutMs),
    } as RequestInit)
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`The scanner answered ${response.status}`)
    }
    const said = await boundedText(response, MOST_ANSWER)
    if (said === undefined) throw new Error('The scanner says more than a verdict')
    const verdict = Answer.parse(JSON.parse(said))
    return verdict.clean ? verdict : { clean: false, signature: signatureName(verdict.signature) }
  },
})
