/** Keys that verify signed URLs; read on the request path by `resolve-read.ts`. */
import { and, asc, eq } from 'drizzle-orm'
import type { SigningKeyFacts } from '../model/signing-key.ts'
import type { Sql } from './database.ts'
import { signingKey } from './schema.ts'

export interface SigningKeyRecord {
  readonly kid: string
  readonly tenantId: string
  readonly productId: string
  /** As sealed or not, hexadecimal. */
  readonly secret: string
  readonly label: string
  readonly createdBy: string
}

export const insertSigningKey = async (tx: Sql, record: SigningKeyRecord): Promise<void> => {
  await tx.orm.insert(signingKey).values(record)
}

const columns = {
  kid: signingKey.kid,
  product: signingKey.productId,
  label: signingKey.label,
  createdAt: signingKey.createdAt,
  expiresAt: signingKey.expiresAt,
  revokedAt: signingKey.revokedAt,
}

export type SigningKey = Awaited<ReturnType<typeof listSigningKeys>>[number]

export const listSigningKeys = async (sql: Sql, tenantId: string, productId: string) =>
  sql.orm
    .select(columns)
    .from(signingKey)
    .where(and(eq(signingKey.tenantId, tenantId), eq(signingKey.productId, productId)))
    .orderBy(asc(signingKey.createdAt), asc(signingKey.kid))

/** Locked, for whoever is about to change it. */
export const lockSigningKey = async (tx: Sql, tenantId: string, kid: string): Promise<SigningKey | undefined> => {
  const [found] = await tx.orm
    .select(columns)
    .from(signingKey)
    .where(and(eq(signingKey.tenantId, tenantId), eq(signingKey.kid, kid)))
    .for('update')
  return found
}

/** One revoked before stays revoked as of then. */
export const revokeSigningKey = async (tx: Sql, tenantId: string, kid: string): Promise<void> => {
  await tx.rows(
    {
      name: 'signing_key_revoke',
      text: 'update signing_key set revoked_at = coalesce(revoked_at, now()) where tenant_id = $1 and kid = $2',
    },
    [tenantId, kid],
  )
}

/** Gives when it ends: after the overlap by the clock of Postgres, which is the one that judges it, or when it would have anyway. */
export const endSigningKey = async (
  tx: Sql,
  { tenantId, kid, overlapSeconds }: { tenantId: string; kid: string; overlapSeconds: number },
): Promise<Date> => {
  const [row] = await tx.rows<{ expires_at: Date }>(
    {
      name: 'signing_key_end',
      text: `update signing_key set expires_at = least(expires_at, now() + make_interval(secs => $3))
             where tenant_id = $1 and kid = $2 returning expires_at`,
    },
    [tenantId, kid, overlapSeconds],
  )
  if (row === undefined) throw new Error(`There is no signing key ${kid} to end`)
  return row.expires_at
}

/** With what URLs of a product may be signed now, the newest first. */
export const findSigners = async (
  sql: Sql,
  tenant: string,
  product: string,
): Promise<readonly (SigningKeyFacts & { expiresAt: number | undefined })[]> => {
  const rows = await sql.rows<{ kid: string; kept: string; expiresAt: Date | null }>(
    {
      name: 'signing_key_signers',
      text: `select kid, encode(secret, 'hex') as kept, expires_at as "expiresAt" from signing_key
             where tenant_id = $1 and product_id = $2 and revoked_at is null and (expires_at is null or expires_at > now())
             order by created_at desc, kid limit 5`,
    },
    [tenant, product],
  )
  return rows.map(({ kid, kept, expiresAt }) => ({ kid, kept, tenant, product, expiresAt: expiresAt?.getTime() }))
}

/** Products of every tenant whose URLs of a CDN would be signed, and that have no key to sign with: for the doctor. */
export const findUnsigned = (sql: Sql): Promise<{ tenant: string; product: string }[]> =>
  sql.rows(
    {
      name: 'signing_key_unsigned',
      text: `select distinct e.tenant_id as tenant, e.product_id as product from edge e
             where e.delivery <> 'redirect' and e.visibility <> 'public' and not exists (
               select from signing_key g where g.tenant_id = e.tenant_id and g.product_id = e.product_id and g.revoked_at is null
                 and (g.expires_at is null or g.expires_at > now()))
             order by 1, 2 limit 20`,
    },
    [],
  )

/** How secrets of every tenant are kept, for the doctor: `place` is what they are bound to. */
export const keptSigningSecrets = async (sql: Sql) =>
  sql.orm.select({ tenant: signingKey.tenantId, kid: signingKey.kid, kept: signingKey.secret }).from(signingKey)
