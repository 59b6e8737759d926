/** What is written of the matrix, as events: in the transaction that writes it, whose caller has locked the collection. */
import { exposedUntil } from '../deliver/exposure.ts'
import type { Gateway } from '../gateway.ts'
import type { Sql } from '../manifest/database.ts'
import { appendNotice } from '../manifest/events.ts'
import type { Notice } from '../model/event.ts'
import { digestOf } from '../model/ids.ts'
import type { Rendition } from '../model/product.ts'
import { causeOf, type MatrixContext } from './context.ts'
import { urlLifeOf } from './exposure.ts'

const tell = async (c: MatrixContext, tx: Sql, subject: string, notice: Notice): Promise<void> => {
  await appendNotice(tx, { tenant: c.get('principal').tenant, subject, cause: causeOf(c), notice })
}

const placeOf = ({ collection, product, name }: Pick<Rendition, 'collection' | 'product' | 'name'>): string =>
  `collections/${collection}/products/${product}/renditions/${name}`

interface Revised extends Pick<Rendition, 'collection' | 'product' | 'name' | 'revision' | 'lane'> {
  readonly recipe_hash: string
  readonly previous: number | undefined
}

export const tellRevised = (c: MatrixContext, tx: Sql, revised: Revised): Promise<void> => {
  const { collection, product, name: rendition, revision, recipe_hash, lane, previous } = revised
  const data = { collection, product, rendition, revision, recipe_hash, lane, previous_revision: previous ?? null }
  return tell(c, tx, placeOf(revised), { type: 'rendition.revised', data })
}

export const tellRetired = (c: MatrixContext, tx: Sql, retired: Rendition): Promise<void> => {
  const { collection, product, name: rendition, revision, recipeHash } = retired
  const data = { collection, product, rendition, revision, recipe_hash: digestOf(recipeHash) }
  return tell(c, tx, placeOf(retired), { type: 'rendition.retired', data })
}

export const tellDeprecated = (
  c: MatrixContext,
  tx: Sql,
  before: Rendition,
  sunset: Date | undefined,
): Promise<void> => {
  const { collection, product, name: rendition, revision, recipeHash, deprecation } = before
  const data = {
    ...{ collection, product, rendition, revision, recipe_hash: digestOf(recipeHash) },
    sunset: sunset?.toISOString() ?? null,
    previous_sunset: deprecation?.sunset.toISOString() ?? null,
  }
  return tell(c, tx, placeOf(before), { type: 'rendition.deprecated', data })
}

interface GrantChange {
  readonly collection: string
  /** Of this one alone. */
  readonly asset?: string
  readonly product: string
  readonly role?: string | undefined
  readonly previous: string | undefined
}

export const tellGrant = (
  c: MatrixContext,
  tx: Sql,
  gateway: Pick<Gateway, 'config' | 'clock'>,
  { collection, asset, product, role, previous }: GrantChange,
): Promise<void> => {
  const subject = `${asset === undefined ? `collections/${collection}` : `assets/${asset}`}/grants/${product}`
  const now = gateway.clock.now()
  const effective_at = new Date(now).toISOString()
  const max_exposure_until = new Date(exposedUntil(now, urlLifeOf(gateway.config))).toISOString()
  const roles = { role: role ?? null, previous_role: previous ?? null }
  const data = { collection, asset, product, ...roles, effective_at, max_exposure_until }
  return tell(c, tx, subject, { type: 'grant.changed', data })
}

type Shown = Readonly<Record<string, unknown>>

export const tellPolicy = async (
  c: MatrixContext,
  tx: Sql,
  {
    collection,
    owner,
    before = {},
    after,
  }: { collection: string; owner: string; before?: Shown | undefined; after: Shown },
): Promise<void> => {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const changed = names.filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
  if (changed.length === 0) return
  const data = { collection, product: owner, changed }
  await tell(c, tx, `collections/${collection}`, { type: 'policy.changed', data })
}

export const tellRegistered = (
  c: MatrixContext,
  tx: Sql,
  registered: { readonly product: string; readonly subject: string; readonly version: string },
): Promise<void> => {
  const { product, subject } = registered
  return tell(c, tx, `products/${product}/contracts/${subject}`, { type: 'contract.registered', data: registered })
}
