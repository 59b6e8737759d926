/** An issuer of tokens, as customers run one: a key set behind a real HTTP server, keys that come and go, and a pen. */
import { randomUUID } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { TokenAlgorithm } from '../../src/model/issuer.ts'

interface Pair {
  readonly alg: TokenAlgorithm
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly jwk: JWK
}

export interface Pen {
  readonly kid?: string
  /** Over what the key says. */
  readonly header?: Readonly<Record<string, unknown>>
  /** Claims of this value are left out. */
  readonly without?: readonly string[]
}

export type Issuer = Awaited<ReturnType<typeof startIssuer>>

export const startIssuer = async ({ audience, now = Date.now }: { audience: string; now?: () => number }) => {
  const pairs = new Map<string, Pair>()
  let asked = 0
  const answerKeys = (response: ServerResponse): void => {
    const keys = [...pairs].map(([kid, { jwk, alg }]) => ({ ...jwk, kid, alg, use: 'sig' }))
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys }))
  }
  let answer = answerKeys
  const server = createServer((_request, response) => {
    asked++
    answer(response)
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const iss = `https://issuer-${randomUUID()}.example/`

  return {
    iss,
    audience,
    jwksUri: `http://127.0.0.1:${port}/keys`,
    asked: () => asked,
    async addKey(kid: string, alg: TokenAlgorithm): Promise<void> {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
      pairs.set(kid, { alg, privateKey, publicKey, jwk: await exportJWK(publicKey) })
    },
    removeKey: (kid: string): void => void pairs.delete(kid),
    publicKey: (kid: string): CryptoKey => (pairs.get(kid) as Pair).publicKey,
    /** Instead of the keys; without one, the keys again. */
    answers(instead: (response: ServerResponse) => void = answerKeys): void {
      answer = instead
    },
    /** Connections are cut before an answer. */
    goAway(): void {
      answer = response => void response.destroy()
    },
    /** Five minutes long, for the audience; claims of one's own go over that. */
    async sign(claims: JWTPayload = {}, { kid = [...pairs.keys()][0] ?? '', header, without = [] }: Pen = {}) {
      const { alg, privateKey } = pairs.get(kid) as Pair
      const second = Math.floor(now() / 1000)
      const payload = { iss, aud: audience, sub: 'robot', iat: second, exp: second + 300, ...claims }
      for (const name of without) delete payload[name as keyof typeof payload]
      return new SignJWT(payload as JWTPayload).setProtectedHeader({ alg, kid, typ: 'JWT', ...header }).sign(privateKey)
    },
    close: () =>
      new Promise<void>(closed => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}
