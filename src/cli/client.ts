/** What every command shares: options, one request, one way to print. */
import type { Command } from 'commander'
import { CliFailure } from './failure.ts'
import { findUrl, readAdminKey } from './target.ts'

export interface GlobalOptions {
  readonly url?: string
  readonly key?: string
  readonly data: string
  readonly json: boolean
}

export const optionsOf = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>()

interface Problem {
  readonly code?: string
  readonly detail?: string
  readonly title?: string
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[]
}

/** A request with the key. Refusals become failures with exit code 1, an unreachable or failing gateway with 3. */
export const call = async (
  options: GlobalOptions,
  path: string,
  init: RequestInit & { duplex?: 'half' } = {},
): Promise<Response> => {
  const url = await findUrl(options)
  const headers = new Headers(init.headers)
  headers.set('Authorization', `Bearer ${options.key ?? (await readAdminKey(options.data))}`)
  const response = await fetch(new URL(path, url), { ...init, headers, redirect: 'manual' }).catch(error => {
    const why = error.cause?.message || error.cause?.code || error.message
    throw new CliFailure(3, 'unreachable', `The gateway at ${url} does not answer: ${why}`)
  })
  if (response.status < 400) return response
  const problem = (await response.json().catch(() => ({}))) as Problem
  const places = (problem.errors ?? []).map(({ pointer, message }) => `\n  ${pointer}: ${message}`).join('')
  const code = problem.code ?? `http-${response.status}`
  throw new CliFailure(
    response.status >= 500 ? 3 : 1,
    code,
    `${code}: ${problem.detail ?? problem.title ?? 'the gateway gave no reason'}${places}`,
  )
}

/** A body that creates something, once. */
export const jsonRequest = (method: string, body: object, idempotencyKey?: string): RequestInit => ({
  method,
  body: JSON.stringify(body),
  headers: { 'Content-Type': 'application/json', ...(idempotencyKey && { 'Idempotency-Key': idempotencyKey }) },
})

/** Only where what is changed is as it was seen; `*`: however it is. */
export const ifMatch = (request: RequestInit, etag = '*'): RequestInit => ({
  ...request,
  headers: { ...(request.headers as object), 'If-Match': etag },
})

/** JSON for programs; for people, what `text` makes of it. */
export const print = <T>({ json }: GlobalOptions, value: T, text: (value: T) => string): void => {
  console.log(json ? JSON.stringify(value) : text(value))
}
