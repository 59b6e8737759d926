/**
 * Cases: questions with the answers that are expected of them, kept in a file beside the configuration. They are asked of the
 * live matrix, or of the edges that the file brings itself; the decision is the one that requests get.
 */
import { z } from 'zod'
import { PRINCIPAL_KINDS, PRODUCT_SCOPES, type Principal, SCOPES } from '../model/principal.ts'
import type { AssetEdge, Edge, Edges } from '../model/product.ts'
import { ACTIONS, type Context, decide, type Question, type Step, trail } from './decide.ts'
import { AssetEdgeFields, assetEdgeOf, EdgeFields, edgeOf, Moment } from './edge-wire.ts'
import { governing } from './governing.ts'
import type { Ruling } from './policy.ts'

const Named = z.string().min(1).max(200)

const PrincipalCase = z.union([
  z.enum(['anonymous', 'administrator']),
  z.strictObject({
    product: Named,
    scopes: z.array(z.enum(SCOPES)).optional().describe('All that a product may have, where nothing is said'),
    kind: z.enum(PRINCIPAL_KINDS).default('key'),
  }),
])

const EFFECTS = ['allow', 'forbid', 'hide'] as const

export const PolicyCase = z
  .strictObject({
    name: z.string().max(200).optional(),
    principal: PrincipalCase,
    product: Named.optional().describe("In whose name; the principal's where nothing is said"),
    action: z.enum(ACTIONS),
    collection: Named.optional(),
    asset: Named.optional().describe('An id; among edges of the file, any name'),
    context: z
      .strictObject({
        at: Moment.optional(),
        media_type: z.string().max(255).optional(),
        labels: z.array(z.string().max(63)).max(32).optional(),
        address: z.string().max(45).optional(),
      })
      .default({})
      .describe('What is so; what is not said is what the asset has, and now'),
    expect: z.union([
      z.enum(EFFECTS),
      z.strictObject({ effect: z.enum(EFFECTS), rule: z.string().max(100).optional() }),
    ]),
  })
  .refine(
    ({ collection, asset }) => collection !== undefined || asset !== undefined,
    'Expected a collection or an asset',
  )
  .refine(
    ({ principal, product }) => product !== undefined || typeof principal === 'object',
    'Expected a product, which this principal has not',
  )
export type PolicyCase = z.infer<typeof PolicyCase>

export const CaseEdge = z.union([
  EdgeFields.extend({ product: Named, collection: Named }),
  AssetEdgeFields.extend({ product: Named, collection: Named, asset: Named }),
])
export type CaseEdge = z.infer<typeof CaseEdge>

const areDistinct = (edges: CaseEdge[]): boolean =>
  new Set(edges.map(edge => `${edge.product}\n${'asset' in edge ? `${edge.asset}\n` : edge.collection}`)).size ===
  edges.length

export const MOST_CASES = 500
export const PolicyCases = z.strictObject({
  cases: z.array(PolicyCase).min(1).max(MOST_CASES),
  edges: z
    .array(CaseEdge)
    .max(2_000)
    .refine(areDistinct, 'Expected one edge for a product and a collection or asset')
    .optional()
    .describe('The matrix to ask, instead of the live one'),
})
export type PolicyCases = z.infer<typeof PolicyCases>

export interface CaseResult {
  readonly name: string
  readonly passed: boolean
  readonly effect: (typeof EFFECTS)[number]
  readonly rule: string
  readonly expected: { readonly effect: (typeof EFFECTS)[number]; readonly rule: string | undefined }
  readonly trail: readonly Step[]
}

export const principalOfCase = ({ principal }: PolicyCase, tenant: string): Principal | undefined => {
  if (principal === 'anonymous') return undefined
  const common = { tenant, id: 'policy-test' }
  if (principal === 'administrator') return { ...common, kind: 'key', product: undefined, scopes: ['matrix:admin'] }
  const { kind, product, scopes = PRODUCT_SCOPES } = principal
  return { ...common, kind, product, scopes }
}

export const productOfCase = ({ principal, product }: PolicyCase): string =>
  product ?? (typeof principal === 'object' ? principal.product : '')

export const titleOfCase = (one: PolicyCase): string => {
  const { principal, action, collection, asset } = one
  const who = typeof principal === 'object' ? principal.product : principal
  return one.name ?? `${who} may ${action} ${asset ?? collection} as ${productOfCase(one)}`
}

/** What the asset is, where the case does not say. */
export interface CaseGrounds extends Pick<Context, 'mediaType' | 'labels'> {
  readonly edges: Edges
}

export const questionOfCase = (
  one: PolicyCase,
  { edges, mediaType, labels }: CaseGrounds,
  { tenant, now }: { tenant: string; now: number },
): Question => {
  const { context, action } = one
  const at = context.at === undefined ? now : Date.parse(context.at)
  return {
    principal: principalOfCase(one, tenant),
    action,
    product: productOfCase(one),
    edge: governing(edges, at),
    context: {
      at,
      mediaType: context.media_type ?? mediaType,
      labels: context.labels ?? labels,
      address: () => context.address,
    },
  }
}

/** `ruling`: what the engines behind the matrix made of it, where there are any. */
export const answerCase = (one: PolicyCase, question: Question, ruling: Ruling = decide(question)): CaseResult => {
  const { effect, rule, engines = [] } = ruling
  const expected =
    typeof one.expect === 'string' ? { effect: one.expect, rule: undefined } : { rule: undefined, ...one.expect }
  return {
    name: titleOfCase(one),
    passed: effect === expected.effect && (expected.rule === undefined || expected.rule === rule),
    effect,
    rule,
    expected,
    trail: [...trail(question), ...engines],
  }
}

/** Edges that a file brings, for one of its cases. */
export const edgesOfFile = (edges: readonly CaseEdge[], one: PolicyCase): Edges => {
  const product = productOfCase(one)
  const own = edges.filter(edge => edge.product === product)
  const found = own.find(edge => 'asset' in edge && edge.asset === one.asset)
  const collection = one.collection ?? found?.collection
  const whole = own.find(edge => !('asset' in edge) && edge.collection === collection)
  return { collection: whole && collectionEdge(whole), asset: found && ofAsset(found) }
}

const collectionEdge = (edge: CaseEdge): Edge | undefined => ('asset' in edge ? undefined : edgeOf(edge.product, edge))
const ofAsset = (edge: CaseEdge): AssetEdge | undefined =>
  'asset' in edge ? assetEdgeOf(edge.product, edge) : undefined
