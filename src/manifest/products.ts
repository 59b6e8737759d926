import { and, asc, eq, gt, isNotNull, isNull, ne, or } from 'drizzle-orm'
import type { BrowserRules } from '../model/browser-rules.ts'
import type { Principal, Scope } from '../model/principal.ts'
import type { Product } from '../model/product.ts'
import type { ProductLimits } from '../model/quota.ts'
import type { Sql } from './database.ts'
import { apiKey, keyUse, product, tenant } from './schema.ts'

export const ensureTenant = async (sql: Sql, tenantId: string): Promise<void> => {
  await sql.orm.insert(tenant).values({ tenantId }).onConflictDoNothing()
}

const LOCK_TENANT = {
  name: 'tenant_lock',
  text: 'select 1 from tenant where tenant_id = $1 for no key update',
}

/** For whoever may make a product or a collection: nobody else does meanwhile. What refers to the tenant is not held up. */
export const lockTenant = async (tx: Sql, tenantId: string): Promise<void> => {
  await tx.rows(LOCK_TENANT, [tenantId])
}

/** Creates or renames. */
export const putProduct = async (
  sql: Sql,
  {
    tenantId,
    productId,
    displayName,
    share,
    limits,
    browser: { origins, clientHints },
  }: Omit<Product, 'product' | 'createdAt'> & { tenantId: string; productId: string },
): Promise<void> => {
  const set = { displayName, share, limits, origins: [...origins], clientHints }
  await sql.orm
    .insert(product)
    .values({ tenantId, productId, ...set })
    .onConflictDoUpdate({ target: [product.tenantId, product.productId], set })
}

const FIND_BROWSER_RULES = {
  name: 'product_browser_rules',
  text: `select origins, client_hints as "clientHints" from product where tenant_id = $1 and product_id = $2`,
}

export const findBrowserRules = async (
  sql: Sql,
  tenantId: string,
  productId: string,
): Promise<BrowserRules | undefined> => (await sql.rows<BrowserRules>(FIND_BROWSER_RULES, [tenantId, productId]))[0]

const FIND_LIMITS = {
  name: 'product_limits',
  text: 'select limits from product where tenant_id = $1 and product_id = $2',
}

/** Empty: the defaults, or no such product. */
export const findLimits = async (sql: Sql, tenantId: string, productId: string): Promise<ProductLimits> => {
  const [found] = await sql.rows<{ limits: ProductLimits }>(FIND_LIMITS, [tenantId, productId])
  return found?.limits ?? {}
}

const productColumns = {
  product: product.productId,
  displayName: product.displayName,
  share: product.share,
  limits: product.limits,
  origins: product.origins,
  clientHints: product.clientHints,
  createdAt: product.createdAt,
}

type ProductRow = Omit<Product, 'browser'> & BrowserRules

const productOf = ({ origins, clientHints, ...rest }: ProductRow): Product => ({
  ...rest,
  browser: { origins, clientHints },
})

export const listProducts = async (
  sql: Sql,
  { tenantId, after = '', limit }: { tenantId: string; after?: string; limit: number },
): Promise<Product[]> => {
  const rows = await sql.orm
    .select(productColumns)
    .from(product)
    .where(and(eq(product.tenantId, tenantId), gt(product.productId, after)))
    .orderBy(asc(product.productId))
    .limit(limit)
  return rows.map(productOf)
}

export const findProduct = async (sql: Sql, tenantId: string, productId: string): Promise<Product | undefined> => {
  const [found] = await sql.orm
    .select(productColumns)
    .from(product)
    .where(and(eq(product.tenantId, tenantId), eq(product.productId, productId)))
  return found && productOf(found)
}

export const productExists = async (sql: Sql, tenantId: string, productId: string): Promise<boolean> =>
  (await findProduct(sql, tenantId, productId)) !== undefined

export interface KeyRecord {
  readonly keyId: string
  readonly tenantId: string
  readonly productId: string | null
  readonly secretHash: string
  readonly label: string
  readonly scopes: Scope[]
  readonly expiresAt: Date | null
  /** The key that it takes the place of. */
  readonly replaces?: string
}

export const insertKey = async (sql: Sql, record: KeyRecord): Promise<void> => {
  await sql.orm.insert(apiKey).values(record)
}

/** The administrator's key has one id per tenant, so that a changed secret replaces the old one at once. */
export const adminKeyId = (tenantId: string): string => `key_admin_${tenantId}`

/** False where it was there. */
export const putAdminKey = async (sql: Sql, tenantId: string, secretHash: string): Promise<boolean> => {
  const record = {
    keyId: adminKeyId(tenantId),
    tenantId,
    secretHash,
    scopes: ['matrix:admin' as const],
    label: 'administrator',
  }
  const changed = await sql.orm
    .insert(apiKey)
    .values(record)
    .onConflictDoUpdate({
      target: apiKey.keyId,
      set: { secretHash, revokedAt: null },
      setWhere: or(ne(apiKey.secretHash, secretHash), isNotNull(apiKey.revokedAt)),
    })
    .returning({ keyId: apiKey.keyId })
  return changed.length > 0
}

const keyColumns = {
  keyId: apiKey.keyId,
  productId: apiKey.productId,
  label: apiKey.label,
  scopes: apiKey.scopes,
  createdAt: apiKey.createdAt,
  expiresAt: apiKey.expiresAt,
  revokedAt: apiKey.revokedAt,
  replaces: apiKey.replaces,
}

/** Locked, for whoever is about to change it. */
export const lockKey = async (tx: Sql, tenantId: string, keyId: string) => {
  const [found] = await tx.orm
    .select(keyColumns)
    .from(apiKey)
    .where(and(eq(apiKey.tenantId, tenantId), eq(apiKey.keyId, keyId)))
    .for('update')
  return found
}

/** Of a product; `null`: of the tenant itself, the admin key included. */
export const listKeys = async (sql: Sql, tenantId: string, productId: string | null) =>
  sql.orm
    .select({ ...keyColumns, lastUsedAt: keyUse.usedAt })
    .from(apiKey)
    .leftJoin(keyUse, and(eq(keyUse.tenantId, apiKey.tenantId), eq(keyUse.keyId, apiKey.keyId)))
    .where(
      and(
        eq(apiKey.tenantId, tenantId),
        productId === null ? isNull(apiKey.productId) : eq(apiKey.productId, productId),
      ),
    )
    .orderBy(asc(apiKey.createdAt))

/** A live key ends after the overlap, or when it would have anyway. Gives the moment. */
export const endKey = async (
  tx: Sql,
  { tenantId, keyId, overlapSeconds }: { tenantId: string; keyId: string; overlapSeconds: number },
): Promise<Date> => {
  const [ended] = await tx.rows<{ expires_at: Date }>(
    {
      name: 'key_end',
      // The clock that tells whether a key is live is that of Postgres; an end of this instant is over at once.
      text: `update api_key set expires_at = least(expires_at, now() + make_interval(secs => $3))
             where tenant_id = $1 and key_id = $2 returning expires_at`,
    },
    [tenantId, keyId, overlapSeconds],
  )
  return ended?.expires_at as Date
}

/** False when the tenant has no such key. A key revoked before stays revoked as of then. */
export const revokeKey = async (sql: Sql, tenantId: string, keyId: string): Promise<boolean> => {
  const rows = await sql.rows<{ key_id: string }>(
    {
      name: 'key_revoke',
      text: `update api_key set revoked_at = coalesce(revoked_at, now()) where tenant_id = $1 and key_id = $2 returning key_id`,
    },
    [tenantId, keyId],
  )
  return rows.length > 0
}

const KEYS_BY_HASH = {
  name: 'keys_by_hash',
  text: `select encode(secret_hash, 'hex') as hash, key_id, tenant_id, product_id, scopes
         from api_key where secret_hash = any(array(select decode(h, 'hex') from unnest($1::text[]) h))
           and revoked_at is null and (expires_at is null or expires_at > now())`,
}

export interface LiveKey {
  readonly hash: string
  readonly key_id: string
  readonly tenant_id: string
  readonly product_id: string | null
  readonly scopes: Scope[]
}

export const keysByHash = (sql: Sql, hashes: readonly string[]): Promise<LiveKey[]> =>
  sql.rows<LiveKey>(KEYS_BY_HASH, [hashes])

const KEY_LIVES = {
  name: 'key_lives',
  text: `select 1 from api_key where tenant_id = $1 and key_id = $2 and revoked_at is null and (expires_at is null or expires_at > now())`,
}

/** Whether a key that was one still is. */
export const keyLives = async (sql: Sql, tenantId: string, keyId: string): Promise<boolean> =>
  (await sql.rows(KEY_LIVES, [tenantId, keyId])).length > 0

const KEYS_EVER_BY_HASH = {
  name: 'keys_ever_by_hash',
  text: `select encode(secret_hash, 'hex') as hash, tenant_id as tenant, key_id as id, product_id as product, scopes,
           revoked_at as "revokedAt", expires_at as "expiresAt"
         from api_key where secret_hash = any(array(select decode(h, 'hex') from unnest($1::text[]) h))`,
}

/** A key that may be none any more. */
export interface FormerKey {
  readonly hash: string
  readonly principal: Principal
  readonly revokedAt: Date | null
  readonly expiresAt: Date | null
}

type FormerKeyRow = Omit<FormerKey, 'principal'> &
  Pick<Principal, 'tenant' | 'id' | 'scopes'> & { product: string | null }

/** Live or not, of any tenant: whose credential it was. */
export const keysEverByHash = async (sql: Sql, hashes: readonly string[]): Promise<FormerKey[]> => {
  const rows = await sql.rows<FormerKeyRow>(KEYS_EVER_BY_HASH, [hashes])
  return rows.map(({ tenant: of, id, product: its, scopes, ...rest }) => ({
    ...rest,
    principal: { tenant: of, kind: 'key', id, product: its ?? undefined, scopes },
  }))
}
