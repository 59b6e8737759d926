/** A configuration file, read: every key is a variable of the environment, or what products call it, or is refused. */
import type { Settings } from '../environment.ts'
import { INTEGRATION_KEYS } from './integration-keys.ts'
import { keyOf, VARIABLE_OF } from './keys.ts'

type Leaf = readonly [key: string, value: unknown]

const isSection = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const leavesOf = (value: unknown, path = ''): readonly Leaf[] => {
  if (!isSection(value)) return [[path, value]]
  return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, path === '' ? name : `${path}.${name}`))
}

/** As it would stand in the environment. `undefined`: nothing that can stand there. */
const textOf = (value: unknown): string | undefined => {
  if (Array.isArray(value)) {
    const parts = value.map(textOf)
    return parts.includes(undefined) ? undefined : parts.join(',')
  }
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'string') return value
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
}

const INTEGRATION = new Map(INTEGRATION_KEYS.map(one => [one.key, one]))

const nearest = (key: string): string => {
  const last = key.split('.').at(-1)?.toLowerCase() ?? ''
  const like = [...VARIABLE_OF.keys(), ...INTEGRATION.keys()].find(
    known => known.toLowerCase().split('.').at(-1) === last,
  )
  return like === undefined ? '' : `; there is ${like}`
}

/** `file` names it in what is wrong. Values are never repeated: one of them may be a secret. */
export const readSettings = (given: unknown, file: string): Settings => {
  const problems: string[] = []
  const variables: Record<string, string> = {}
  const keys: Record<string, string> = {}
  if (!isSection(given)) return { file, variables, keys, problems: [`${file}: expected an object`] }
  const leaves = leavesOf(given).filter(([, value]) => value !== undefined && value !== null)
  const all = new Map(leaves)

  const set = (env: string, text: string, key: string): void => {
    const before = keys[env]
    if (before !== undefined && variables[env] !== text) problems.push(`${key}: ${before} says otherwise`)
    variables[env] = text
    keys[env] = key
  }

  for (const [key, value] of leaves) {
    const integration = INTEGRATION.get(key)
    const variable = VARIABLE_OF.get(key)
    const text = textOf(value)
    if (integration !== undefined) {
      const meaning = integration.read(value, name => all.get(name))
      if ('refused' in meaning) problems.push(`${key}: ${meaning.refused}`)
      else for (const [env, wanted] of Object.entries(meaning.sets)) set(env, wanted, key)
    } else if (variable === undefined) problems.push(`${key}: there is no such key${nearest(key)}`)
    else if (text === undefined) problems.push(`${key}: expected a text, a number, true or false, or a list of these`)
    else set(variable.env, text, keyOf(variable))
  }
  return { file, variables, keys, problems }
}

/** What only shows when file and environment are put together. */
export const missingBeside = (given: unknown, environment: Readonly<Record<string, string | undefined>>): string[] => {
  const router = isSection(given) && isSection(given.router) ? given.router : undefined
  const redis = isSection(given) && isSection(given.redis) ? given.redis.url : undefined
  const hasRedis = [router?.url, redis, environment.REDIS_URL].some(Boolean)
  return router?.transport === 'redis-streams' && !hasRedis
    ? ["router.transport: 'redis-streams' needs router.url, redis.url or REDIS_URL"]
    : []
}
