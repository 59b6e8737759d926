/** A decision server that speaks as Open Policy Agent does (POST /v1/data/<path>), and answers what it is told to. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { PolicyInput } from '../../src/policy/engine.ts'

/** A document that decides; or what is to be done with the response instead. */
export type Decide = (input: PolicyInput) => unknown

export const startOpa = async (initial: Decide) => {
  let decide = initial
  let misbehave: ((response: ServerResponse) => void) | undefined
  const asked: { input: PolicyInput; headers: IncomingHttpHeaders; path: string | undefined }[] = []
  const server = createServer(async (request, response) => {
    const { input } = JSON.parse(await text(request)) as { input: PolicyInput }
    asked.push({ input, headers: request.headers, path: request.url })
    if (misbehave) return misbehave(response)
    const result = decide(input)
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(result === undefined ? {} : { result }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/data/matrix/authz`,
    asked,
    decide(next: Decide): void {
      decide = next
      misbehave = undefined
    },
    misbehave(next: (response: ServerResponse) => void): void {
      misbehave = next
    },
    async close(): Promise<void> {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
