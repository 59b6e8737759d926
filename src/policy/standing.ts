/** Whether a credential still is one, asked long after it was shown: by work that goes on in somebody's name. */
import type { Sql } from '../manifest/database.ts'
import { findIssuer } from '../manifest/issuers.ts'
import { keyLives } from '../manifest/products.ts'
import type { Principal } from '../model/principal.ts'
import { hasSubject, issuerNameOf } from './token.ts'

/**
 * A key: until it is revoked or ends. A token: as long as its issuer's table has its subject with these rights, for the token
 * itself lives for minutes and the work for hours. Links and shares do no such work.
 */
export const openStanding =
  (database: Sql) =>
  async (principal: Principal): Promise<boolean> => {
    const { tenant, kind, id } = principal
    if (kind === 'key') return keyLives(database, tenant, id)
    if (kind !== 'token') return false
    const issuer = await findIssuer(database, tenant, issuerNameOf(principal))
    return issuer !== undefined && hasSubject(issuer, principal)
  }
