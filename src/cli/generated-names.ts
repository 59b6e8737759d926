/** The names of a deployment as TypeScript and as a set: what `matrix generate` prints. Sorted, so that equal is equal to the byte. */
import { canonicalText } from '../lib/canonical.ts'
import { groupBy } from '../lib/group-by.ts'
import { findOperation } from '../ops/registry.ts'
import type { MatrixSet } from './matrix-set.ts'

export interface CollectionMatrix {
  readonly collection: string
  readonly owner: string
  readonly edges: readonly { readonly product: string; readonly role: string; readonly original_access?: boolean }[]
  readonly renditions: readonly {
    readonly product: string
    readonly name: string
    readonly lane: string
    readonly recipe: Record<string, unknown>
  }[]
}

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort()
const quote = (text: string): string => `'${text}'`
const union = (names: readonly string[]): string => (names.length === 0 ? 'never' : names.map(quote).join(' | '))
const property = (name: string): string => (/^[a-z]\w*$/.test(name) ? name : quote(name))

const HEAD = `/** Printed by \`matrix generate\`: the products of this deployment with their names. A name that is not here does not compile. */
import { type Client, type ClientOptions, createClient as open } from 'asset-matrix/sdk'
`
const TAIL = `
/** A client of one product, which knows its names. */
export const createClient = <P extends keyof Products>(
  options: Omit<ClientOptions, 'product'> & { readonly product: P },
): Client<Products[P]> => open<Products[P]>(options)
`

/** `collections` of a product are those that it may upload to. */
export const printNames = (products: readonly string[], matrix: readonly CollectionMatrix[]): string => {
  const entries = sorted(products).map(product => {
    const renditions = matrix.flatMap(it =>
      it.renditions.filter(one => one.product === product).map(({ name }) => name),
    )
    const writes = matrix.filter(({ edges }) => edges.some(it => it.product === product && it.role !== 'reader'))
    const collections = sorted(writes.map(({ collection }) => collection))
    return `  ${property(product)}: {\n    readonly renditions: ${union(sorted(renditions))}\n    readonly collections: ${union(collections)}\n  }`
  })
  return `${HEAD}\nexport interface Products {\n${entries.join('\n')}\n}\n${TAIL}`
}

interface CanonicalRecipe {
  readonly stages: readonly (readonly { readonly op: string; readonly params: object }[])[]
  readonly outputs: readonly { readonly format: string; readonly required: boolean; readonly params: object }[]
}

/** The parameters of an operation are kept in one spelling and written in another, which its own schema knows: the one that comes to the same. */
const spelled = (op: string, params: object): { readonly wish: unknown } | undefined => {
  const values = Object.values(params)
  const wanted = canonicalText(params)
  const spelling = [params, ...(values.length === 1 ? values : []), true].find(candidate => {
    const read = findOperation(op)?.schema.safeParse(candidate)
    return read?.success && canonicalText(read.data) === wanted
  })
  return spelling === undefined ? undefined : { wish: spelling }
}

/** A recipe is shown as it is kept, canonical, and written as it is wished for. */
const wishOf = (
  kept: Record<string, unknown>,
): { readonly recipe: Record<string, unknown> } | { readonly op: string } => {
  const { stages, outputs } = kept as unknown as CanonicalRecipe
  const written: Record<string, unknown>[] = []
  for (const steps of stages) {
    const stage: Record<string, unknown> = {}
    for (const { op, params } of steps) {
      const found = spelled(op, params)
      if (found === undefined) return { op }
      stage[op] = found.wish
    }
    written.push(stage)
  }
  const recipe = {
    ...(written.length > 0 && { stages: written }),
    formats: outputs.map(({ format, required, params }) => ({ format, required, ...params })),
  }
  return { recipe }
}

const byKey = <T>(entries: readonly (readonly [string, T])[]): Record<string, T> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))

export interface LeftOut {
  readonly rendition: string
  /** What of it a mock could not be given: a `composite` names an asset that only this deployment has. */
  readonly op: string
}

/** The same matrix for a mock: what it has and grants, without conditions of time and network, which a test would not meet. */
export const setOf = (
  products: readonly string[],
  matrix: readonly CollectionMatrix[],
): { readonly set: MatrixSet; readonly leftOut: readonly LeftOut[] } => {
  const leftOut: LeftOut[] = []
  const renditionsOf = ({ collection, renditions }: CollectionMatrix) => {
    const byProduct = [...groupBy(renditions, ({ product }) => product)].map(([product, own]) => {
      const named = own.flatMap(({ name, recipe, lane }) => {
        const wish = wishOf(recipe)
        if ('recipe' in wish) return [[name, { recipe: wish.recipe, lane }] as const]
        leftOut.push({ rendition: `${collection}/${product}/${name}`, op: wish.op })
        return []
      })
      return [product, byKey(named)] as const
    })
    return byKey(byProduct)
  }
  const collections = matrix.map(one => {
    const { collection, owner, edges } = one
    const grants = edges
      .filter(({ product }) => product !== owner)
      .map(({ product, role, original_access = false }) => [product, { role, original_access }] as const)
    return [collection, { owner, grants: byKey(grants), renditions: renditionsOf(one) }] as const
  })
  return {
    set: { products: byKey(products.map(product => [product, {}] as const)), collections: byKey(collections) },
    leftOut,
  }
}
