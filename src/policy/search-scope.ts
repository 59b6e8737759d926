/** Which collections a search goes over, and how (search.ts). */
import { inLanes } from '../lib/in-lanes.ts'
import { allCollections } from '../manifest/collections.ts'
import { edgedCollections } from '../manifest/product-manifest.ts'
import { type Asked, type PermissionDependencies, permitOnCollection } from './permission.ts'

export interface SearchScope {
  /** An administrator, whom no engine is asked about. */
  readonly seesAll: boolean
  readonly open: readonly string[]
  readonly judged: readonly string[]
  /** Single assets of these alone; `undefined`: of any that are not named above. */
  readonly ownIn: string | undefined
}

const LANES = 16

export const searchScope = async (
  dependencies: PermissionDependencies,
  asked: Omit<Asked, 'action'>,
  collection: string | undefined,
): Promise<SearchScope> => {
  const { database, policy } = dependencies
  const { principal, product } = asked
  const { tenant } = principal
  const isAdministrator = principal.scopes.includes('matrix:admin')
  const named =
    collection !== undefined
      ? [collection]
      : isAdministrator
        ? await allCollections(database, tenant)
        : await edgedCollections(database, { tenant, product })
  const permissions = await inLanes(named, {
    atOnce: LANES,
    work: one => permitOnCollection(dependencies, { ...asked, action: 'read', collection: one }),
  })
  const isOpen = (index: number): boolean => {
    const conditions = permissions[index]?.conditions
    return policy.isMatrixAlone && conditions?.mediaTypes === undefined && conditions?.labels === undefined
  }
  const allowed = named.filter((_, index) => permissions[index]?.effect === 'allow')
  const open = allowed.filter(one => isOpen(named.indexOf(one)))
  return {
    seesAll: isAdministrator && policy.isMatrixAlone,
    open,
    judged: allowed.filter(one => !open.includes(one)),
    ownIn: collection,
  }
}
