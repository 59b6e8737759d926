/** What every command shares: options, the key, one request, one way to print. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { adminKeyPath } from '../data-folder.ts'
import { CliFailure } from './failure.ts'

export interface GlobalOptions {
  readonly url: string
  readonly key?: string
  readonly data: string
  readonly json: boolean
}

export const optionsOf = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>()

export const readAdminKey = async (data: string): Promise<string> => {
  try {
    return (await readFile(adminKeyPath(data), 'utf8')).trim()
  } catch {
    throw new CliFailure(
      2,
      `There is no key: give --key, or --data with the folder of a started gateway (looked in ${adminKeyPath(data)}).`,
    )
  }
}

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
  const key = options.key ?? (await readAdminKey(options.data))
  const headers = new Headers(init.headers)
  headers.set('Authorization', `Bearer ${key}`)
  const response = await fetch(new URL(path, options.url), { ...init, headers, redirect: 'manual' }).catch(error => {
    throw new CliFailure(3, `The gateway at ${options.url} does not answer: ${error.cause?.message ?? error.message}`)
  })
  if (response.status < 400) return response
  const problem = (await response.json().catch(() => ({}))) as Problem
  const places = (problem.errors ?? []).map(({ pointer, message }) => `\n  ${pointer}: ${message}`).join('')
  throw new CliFailure(
    response.status >= 500 ? 3 : 1,
    `${problem.code ?? response.status}: ${problem.detail ?? problem.title ?? ''}${places}`,
  )
}

/** JSON for programs; for people, what `text` makes of it. */
export const print = <T>({ json }: GlobalOptions, value: T, text: (value: T) => string): void => {
  console.log(json ? JSON.stringify(value, null, 2) : text(value))
}
