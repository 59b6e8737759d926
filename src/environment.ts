/** How a text of the environment becomes a value: one parser a kind, each of which says the rule that was broken and never the value. */
import { type Network, networkOf } from './lib/network.ts'
import { isTokenLike, isWellFormedSecret, NAME_PATTERN } from './model/ids.ts'
import type { Quota } from './model/quota.ts'

/** What defaults depend on besides the environment; entry files look it up. */
export interface Machine {
  readonly cores: number
  /** Whether a person looks on. */
  readonly terminal: boolean
}

export interface Variable<T> {
  readonly env: string
  readonly parse: (text: string, machine: Machine) => T
  /** As text, the way it would be written in the environment; `undefined` means optional. */
  readonly fallback: string | undefined
  readonly doc: string
  readonly secret?: boolean
}

/** What a configuration file says, by the variables that it stands for. */
export interface Settings {
  readonly file: string
  readonly variables: Readonly<Record<string, string>>
  /** By which key it was said. */
  readonly keys: Readonly<Record<string, string>>
  readonly problems: readonly string[]
}

/** The environment cannot be used as it is; the message says all that is wrong with it. */
export class ConfigError extends Error {}

/** The rule that a value breaks. */
export class ConfigRule extends Error {}

export const text = (value: string): string => value
export const name = (value: string): string => {
  if (!NAME_PATTERN.test(value)) throw new ConfigRule('expected up to 40 small letters, digits and hyphens')
  return value
}
/** What cannot be sent as a bearer token, or is taken for a mistyped key of ours or for a JWT, would lock everybody out. */
export const bearerToken = (value: string): string => {
  if (!/^[\x21-\x7e]{1,512}$/.test(value)) throw new ConfigRule('expected 1 to 512 visible ASCII characters')
  if (value.startsWith('mtx_live_') && !isWellFormedSecret(value))
    throw new ConfigRule('expected a whole key where it begins with mtx_live_')
  if (isTokenLike(value)) throw new ConfigRule('expected something that is not a JWT')
  return value
}
/** Keys of 32 bytes, each in hexadecimal or base64, separated by commas. */
export const sealingKeys = (value: string): readonly Buffer[] =>
  value.split(',').map(part => {
    const word = part.trim()
    const key = Buffer.from(word, /^[0-9a-fA-F]{64}$/.test(word) ? 'hex' : 'base64')
    if (key.length !== 32 || !/^[\w+/=-]+$/.test(word))
      throw new ConfigRule('expected 32 bytes in hexadecimal or base64, or several of that separated by commas')
    return key
  })
export const integer =
  (min: number, max: number) =>
  (value: string): number => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (!Number.isInteger(number) || number < min || number > max)
      throw new ConfigRule(`expected a whole number from ${min} to ${max}`)
    return number
  }
/** A share of a whole. */
export const ratio = (value: string): number => {
  const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= 0 && number <= 1)) throw new ConfigRule('expected a number from 0 to 1')
  return number
}
export const CORES = 'cores'
/** A whole number, or the word `cores` for as many as the machine has. */
export const integerOrCores =
  (min: number, max: number) =>
  (value: string, { cores }: Machine): number => {
    if (value === CORES) return Math.min(Math.max(cores, min), max)
    try {
      return integer(min, max)(value)
    } catch {
      throw new ConfigRule(`expected a whole number from ${min} to ${max}, or the word ${CORES}`)
    }
  }
export const flag = (value: string): boolean => {
  if (/^(1|true|yes|on)$/i.test(value)) return true
  if (/^(0|false|no|off)$/i.test(value)) return false
  throw new ConfigRule('expected 1 or 0')
}
export const oneOf =
  <T extends string>(...allowed: readonly T[]) =>
  (value: string): T => {
    const found = allowed.find(item => item === value)
    if (found === undefined) throw new ConfigRule(`expected one of ${allowed.join(', ')}`)
    return found
  }
export const AUTO = 'auto'
export const levelOrAuto =
  <T extends string>(...levels: readonly T[]) =>
  (value: string, { terminal }: Machine): T =>
    oneOf(...levels)(value === AUTO ? (terminal ? 'warn' : 'info') : value)
export const url =
  (...protocols: readonly string[]) =>
  (value: string): string => {
    const parsed = URL.canParse(value) ? new URL(value) : undefined
    if (!parsed || !protocols.includes(parsed.protocol))
      throw new ConfigRule(`expected a URL that begins with ${protocols.join(' or ')}`)
    return value
  }

/** As Standard Webhooks write it; what is too short can be guessed. */
export const webhookSecret = (value: string): Buffer => {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value) ?? []
  const key = Buffer.from(base64 ?? '', 'base64')
  if (key.length < 24 || key.length > 64) throw new ConfigRule('expected whsec_ and 24 to 64 bytes in base64')
  return key
}

/** Sent in a header with each request; what is short can be guessed. */
export const frontSecret = (value: string): string => {
  if (!/^[\x21-\x7e]{16,256}$/.test(value)) throw new ConfigRule('expected 16 to 256 visible ASCII characters')
  return value
}

/** A path that others are put behind. */
export const accelPrefix = (value: string): string => {
  if (!/^(?:\/[\w-]+)+$/.test(value)) throw new ConfigRule('expected a path like /_matrix')
  return value
}

/** Paths are put behind it. */
export const baseUrl = (value: string): string => {
  const given = url('http:', 'https:')(value)
  if (/[?#]/.test(given)) throw new ConfigRule('expected a URL without a query')
  return given.replace(/\/+$/, '')
}

/** Of servers that are each told by themselves, separated by commas. */
export const urls = (value: string): readonly string[] =>
  value
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(part => {
      const { username, password } = new URL(url('http:', 'https:')(part))
      if (username || password) throw new ConfigRule('expected URLs without users and passwords')
      return part
    })

/** Stands in a path of an interface, so it is nothing that leads elsewhere. */
export const identifier = (value: string): string => {
  if (!/^[\w-]{1,128}$/.test(value)) throw new ConfigRule('expected letters, digits, _ and -')
  return value
}

/** `host:port`, or the path of a socket. */
export const socketAddress = (value: string): { host: string; port: number } | { path: string } => {
  if (value.startsWith('/')) return { path: value }
  const [, host = '', port] = /^(?:\[([0-9a-f:]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(value)?.filter(Boolean) ?? []
  const number = Number(port)
  if (host === '' || !(number >= 1 && number <= 65_535))
    throw new ConfigRule('expected host:port or the path of a socket')
  return { host, port: number }
}

/** Goes into a header. */
export const token = (value: string): string => {
  if (!/^[\x21-\x7e]{1,512}$/.test(value)) throw new ConfigRule('expected 1 to 512 visible ASCII characters')
  return value
}

/** `100/2s`: so many requests in so many seconds. `0`: as many as come. */
export const quota = (value: string): Quota | undefined => {
  if (value === '0') return undefined
  const [, requests, seconds] = /^([1-9]\d{0,8})\/([1-9]\d{0,4})s$/.exec(value) ?? []
  if (requests === undefined) throw new ConfigRule('expected requests and seconds like 100/2s, or 0')
  return { requests: Number(requests), seconds: Number(seconds) }
}

/** Separated by commas; none where it is empty. */
export const networks = (value: string): readonly Network[] =>
  value
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(part => {
      const network = networkOf(part)
      if (!network) throw new ConfigRule('expected addresses or networks like 10.0.0.0/8, separated by commas')
      return network
    })

/** What `fetch` takes: a user and a password are not sent, and would be shown where the URL is. */
export const decisionUrl = (value: string): string => {
  const { username, password, hash } = new URL(url('http:', 'https:')(value))
  if (username || password || hash) throw new ConfigRule('expected a URL without a user, a password and a fragment')
  return value
}

/** A variable that has a default. */
export const declare = <T>(env: string, parse: Variable<T>['parse'], fallback: string, doc: string): Variable<T> => ({
  env,
  parse,
  fallback,
  doc,
})
/** A variable without which something else applies. */
export const optional = <T>(
  env: string,
  parse: Variable<T>['parse'],
  doc: string,
  secret = false,
): Variable<T | undefined> => ({
  env,
  parse,
  fallback: undefined,
  doc,
  secret,
})
