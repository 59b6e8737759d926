/** What is shown of keys, and how one is made. */
import type { Gateway } from '../gateway.ts'
import { answerKey } from '../manifest/idempotency.ts'
import { insertKey, type listKeys, productExists } from '../manifest/products.ts'
import { refuse } from '../model/errors.ts'
import { hashSecret, newKeyId, newSecret } from '../model/ids.ts'
import type { Scope } from '../model/principal.ts'
import { auditChange } from './audit.ts'
import { stateTag } from './configuration.ts'
import type { MatrixContext } from './context.ts'
import { fingerprint, replay, withIdempotencyKey } from './idempotent.ts'

type Key = Pick<Awaited<ReturnType<typeof listKeys>>[number], 'keyId' | 'label' | 'scopes' | 'expiresAt' | 'revokedAt'>
export const presentKey = ({ keyId, label, scopes, expiresAt, revokedAt }: Key) => ({
  id: keyId,
  label,
  scopes,
  expires_at: expiresAt?.toISOString(),
  revoked_at: revokedAt?.toISOString(),
})

export const presentListed = (key: Awaited<ReturnType<typeof listKeys>>[number]) => {
  const shown = presentKey(key)
  return {
    ...shown,
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString(),
    replaces: key.replaces ?? undefined,
    etag: stateTag(shown),
  }
}

export interface KeyWish {
  /** `undefined`: a key of the tenant. */
  readonly product: string | undefined
  readonly label: string
  readonly scopes: readonly Scope[]
  readonly expires_at?: string | undefined
}

/** With the row of its audit, and with an answer for repeats that does not hold the secret. */
export const makeKey = (c: MatrixContext, { database }: Gateway, wish: KeyWish): Promise<Response> =>
  withIdempotencyKey(c, database, async ({ key, answered }) => {
    const { tenant } = c.get('principal')
    const { product, ...rest } = wish
    const { label, scopes } = rest
    const print = fingerprint(key.request, JSON.stringify(rest))
    if (answered) return replay(answered, print)
    if (product !== undefined && !(await productExists(database, tenant, product)))
      throw refuse('not-found', 'There is no such product.')
    const secret = newSecret()
    const id = newKeyId()
    const shown = { id, product, scopes }
    const expiresAt = wish.expires_at === undefined ? null : new Date(wish.expires_at)
    const record = { keyId: id, label, scopes: [...scopes], expiresAt }
    const etag = stateTag(presentKey({ ...record, revokedAt: null }))
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ETag: etag }
    await database.transaction(async tx => {
      await insertKey(tx, {
        ...record,
        tenantId: tenant,
        productId: product ?? null,
        secretHash: hashSecret(secret),
      })
      await auditChange(c, tx, {
        resource: `keys/${id}`,
        after: { product, label, scopes, expires_at: wish.expires_at },
      })
      // The stored answer is for repeats; a secret is shown once, so it is not in there.
      await answerKey(tx, key, { fingerprint: print, status: 201, headers, body: JSON.stringify(shown) })
    })
    return new Response(JSON.stringify({ ...shown, secret }), { status: 201, headers })
  })
