/**
 * Policy engines: what stands behind the matrix and may refuse what the matrix allows, and nothing else. An engine is told the
 * question in the words below, which are those of whoever writes policies, and gives its objections.
 */
import { addressOf } from '../lib/network.ts'
import type { Principal } from '../model/principal.ts'
import type { Action, Question } from './decide.ts'

/** What a question is about. */
export interface Subject {
  readonly tenant: string
  readonly collection: string
  /** `undefined`: about the collection as a whole, or an asset that is to be made in it. */
  readonly asset: string | undefined
  /** Asked for, where one is. */
  readonly rendition: string | undefined
}

/** As JSON it is the input document of Open Policy Agent (docs/access.md). */
export interface PolicyInput {
  readonly tenant: string
  readonly principal: {
    readonly kind: Principal['kind'] | 'anonymous'
    readonly id: string
    readonly product: string | null
    readonly scopes: readonly string[]
  }
  readonly action: Action
  /** In whose name. */
  readonly product: string
  readonly resource:
    | {
        readonly type: 'asset'
        readonly id: string
        readonly collection: string
        readonly labels: readonly string[]
        readonly media_type: string | null
      }
    | { readonly type: 'collection'; readonly id: string }
  readonly context: {
    readonly at: string
    /** Of the edge that allowed it; an administrator needs none. */
    readonly role: string | null
    readonly rendition: string | null
    /** Address of the caller. */
    readonly client: string | null
  }
}

export interface PolicyEngine {
  readonly name: 'cedar' | 'opa'
  /** What stands against it, by name; none: nothing does. Rejects with `dependency-unavailable` when it cannot tell. */
  object(input: PolicyInput): readonly string[] | Promise<readonly string[]>
}

const ANONYMOUS = { kind: 'anonymous', id: 'anonymous', product: null, scopes: [] } as const

const principalInput = ({ kind, id, product, scopes }: Principal) => ({ kind, id, product: product ?? null, scopes })

export const policyInput = (
  { principal, action, product, edge, context }: Question,
  { tenant, collection, asset, rendition }: Subject,
): PolicyInput => {
  const address = context.address?.()
  return {
    tenant,
    principal: principal ? principalInput(principal) : ANONYMOUS,
    action,
    product,
    resource:
      asset === undefined
        ? { type: 'collection', id: collection }
        : { type: 'asset', id: asset, collection, labels: context.labels ?? [], media_type: context.mediaType ?? null },
    context: {
      at: new Date(context.at).toISOString(),
      role: edge?.role ?? null,
      rendition: rendition ?? null,
      client: (address === undefined ? undefined : addressOf(address)) ?? null,
    },
  }
}
