/**
 * Cedar, in this process. Its policies can only forbid: one that permits is refused when they are read, for the matrix permits,
 * and what a policy cannot evaluate is forbidden. Nothing of it is loaded unless it is configured: 13 MB of WebAssembly.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { AuthorizationAnswer, CedarValueJson, DetailedError, EntityJson } from '@cedar-policy/cedar-wasm/nodejs'
import { ConfigError } from '../config.ts'
import { newId } from '../model/ids.ts'
import { CEDAR_SCHEMA } from './cedar-schema.ts'
import type { PolicyEngine, PolicyInput } from './engine.ts'

type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs')

const unusable = (why: string, cause?: unknown): ConfigError =>
  new ConfigError(`POLICY_CEDAR: ${why}`, cause === undefined ? undefined : { cause })

const load = async (): Promise<Cedar> => {
  try {
    return await import('@cedar-policy/cedar-wasm/nodejs')
  } catch (cause) {
    throw unusable('needs the package @cedar-policy/cedar-wasm: npm install @cedar-policy/cedar-wasm', cause)
  }
}

/** The file, or those of the folder that end in `.cedar`, in the order of their names. */
const policyFiles = async (path: string): Promise<readonly string[]> => {
  const found = await stat(path).catch(cause => {
    throw unusable(`there is no file or folder ${path}`, cause)
  })
  if (!found.isDirectory()) return [path]
  const names = (await readdir(path)).filter(name => extname(name) === '.cedar').sort()
  if (names.length === 0) throw unusable(`the folder ${path} has no file that ends in .cedar`)
  return names.map(name => join(path, name))
}

const lineOf = (text: string, { sourceLocations }: DetailedError): string => {
  const start = sourceLocations?.[0]?.start
  return start === undefined ? '' : `:${Buffer.from(text).subarray(0, start).toString().split('\n').length}`
}

/** Policies of a file by their names: what `@id("…")` says, or the file's name and their place in it. */
const readPolicies = (cedar: Cedar, file: string, text: string): readonly (readonly [id: string, policy: string])[] => {
  const parts = cedar.policySetTextToParts(text)
  if (parts.type === 'failure')
    throw unusable(parts.errors.map(error => `${file}${lineOf(text, error)}: ${error.message}`).join('; '))
  if (parts.policy_templates.length > 0) throw unusable(`${file}: a template is not a policy`)
  return parts.policies.map((policy, index) => {
    const parsed = cedar.policyToJson(policy)
    if (parsed.type === 'failure') throw unusable(`${file}: ${parsed.errors.map(({ message }) => message).join('; ')}`)
    const { effect, annotations } = parsed.json
    const id = annotations?.id ?? `${basename(file, '.cedar')}-${index + 1}`
    if (effect === 'permit')
      throw unusable(`${file}: ${id} permits; the matrix does that, and policies may only forbid more`)
    return [id, policy]
  })
}

/** What permits, so that the policies of the operator are what decides. */
const MATRIX = ['matrix', 'permit (principal, action, resource);'] as const

const readAll = async (cedar: Cedar, path: string): Promise<Readonly<Record<string, string>>> => {
  const policies = new Map<string, string>([MATRIX])
  for (const file of await policyFiles(path)) {
    for (const [id, policy] of readPolicies(cedar, file, await readFile(file, 'utf8'))) {
      if (policies.has(id)) throw unusable(`${file}: there is another policy ${id}`)
      policies.set(id, policy)
    }
  }
  if (policies.size === 1) throw unusable(`there is no policy in ${path}`)
  return Object.fromEntries(policies)
}

const requireValid = (cedar: Cedar, staticPolicies: Readonly<Record<string, string>>): void => {
  const checked = cedar.validate({ schema: CEDAR_SCHEMA, policies: { staticPolicies } })
  const wrong =
    checked.type === 'failure'
      ? checked.errors.map(({ message }) => message)
      : checked.validationErrors.map(({ error }) => (error.help ? `${error.message} (${error.help})` : error.message))
  if (wrong.length > 0) throw unusable(wrong.join('; '))
}

const uid = (type: string, id: string) => ({ type, id })
const reference = (type: string, id: string): CedarValueJson => ({ __entity: { type, id } })

const resourceEntities = (resource: PolicyInput['resource']): [EntityJson, ...EntityJson[]] => {
  if (resource.type === 'collection') return [{ uid: uid('Collection', resource.id), attrs: {}, parents: [] }]
  const { id, collection, labels, media_type } = resource
  const attrs = { labels: [...labels], ...(media_type !== null && { mediaType: media_type }) }
  return [
    { uid: uid('Asset', id), attrs, parents: [uid('Collection', collection)] },
    { uid: uid('Collection', collection), attrs: {}, parents: [] },
  ]
}

/** The question as Cedar is asked it: entities with their attributes and parents, and the context. */
export const cedarRequest = ({ tenant, principal, action, product, resource, context }: PolicyInput) => {
  const { at, role, rendition, client } = context
  const asks: EntityJson = {
    uid: uid('Principal', principal.id),
    attrs: { kind: principal.kind, scopes: [...principal.scopes] },
    parents: principal.product === null ? [] : [uid('Product', principal.product)],
  }
  const resources = resourceEntities(resource)
  return {
    principal: asks.uid,
    action: uid('Action', action),
    resource: resources[0].uid,
    entities: [asks, ...resources],
    context: {
      tenant,
      product: reference('Product', product),
      at: { __extn: { fn: 'datetime', arg: at } },
      ...(role !== null && { role }),
      ...(rendition !== null && { rendition }),
      ...(client !== null && { client: { __extn: { fn: 'ip', arg: client } } }),
    },
  }
}

/** A policy that could not be evaluated counts as one that forbids: Cedar itself would leave it out. */
const objectionsIn = (answer: AuthorizationAnswer): readonly string[] => {
  if (answer.type === 'failure') return ['not-evaluated']
  const { decision, diagnostics } = answer.response
  const failed = diagnostics.errors.map(({ policyId }) => `${policyId}-failed`)
  const objections = decision === 'allow' ? failed : [...diagnostics.reason, ...failed]
  return decision === 'deny' && objections.length === 0 ? ['denied'] : objections
}

/** Throws `ConfigError` that says which file, line and policy cannot be used, and why. */
export const openCedar = async (path: string): Promise<PolicyEngine> => {
  const cedar = await load()
  const policies = await readAll(cedar, path)
  requireValid(cedar, policies)
  // What was parsed is kept under a name by the WebAssembly, one of which serves all gateways of a process.
  const preparsedPolicySetId = newId()
  cedar.preparsePolicySet(preparsedPolicySetId, { staticPolicies: policies })
  return {
    name: 'cedar',
    object: input => objectionsIn(cedar.statefulIsAuthorized({ ...cedarRequest(input), preparsedPolicySetId })),
  }
}
