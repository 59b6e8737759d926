/** A receiver of webhooks, as patient or hostile as a test wants it; keeps what came to it. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { openHttp, type Place } from './sources.ts'

export interface Heard {
  readonly id: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly event: {
    readonly id: string
    readonly type: string
    readonly subject: string
    readonly sequence: string
    readonly data: Readonly<Record<string, unknown>>
  }
}

export type Behave = (response: ServerResponse, heard: Heard) => void

export interface Receiver extends Place {
  readonly url: string
  readonly heard: Heard[]
  behave(behave: Behave): void
}

export const TAKES: Behave = response => void response.writeHead(204).end()

export const openReceiver = async (behave: Behave = TAKES, host = '127.0.0.1'): Promise<Receiver> => {
  const heard: Heard[] = []
  let now = behave
  const place = await openHttp((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const { headers, url: path = '' } = request
      const one = { id: String(headers['webhook-id']), path, headers, body, event: JSON.parse(body || '{}') }
      heard.push(one)
      now(response, one)
    })
  }, host)
  return {
    ...place,
    url: `http://${host}:${place.port}/hook`,
    heard,
    behave: next => {
      now = next
    },
  }
}

/** Throws where the judge does not believe it. */
export const verified = (secret: string, { body, headers }: Heard): unknown =>
  new Webhook(secret).verify(body, headers as Record<string, string>)
