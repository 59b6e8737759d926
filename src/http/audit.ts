/** From a request to its row in the audit. */
import { routePath } from 'hono/route'
import { recordAudit } from '../manifest/audit.ts'
import type { Sql } from '../manifest/database.ts'
import { type Act, actorOf, type Fields } from '../model/audit.ts'
import { actionOf } from './actions.ts'
import { addressOf } from './address.ts'
import type { MatrixContext } from './context.ts'

/** By which request, and from where. */
export const requestOf = (c: MatrixContext): Pick<Act, 'requestId' | 'correlationId' | 'client'> => ({
  requestId: c.get('requestId'),
  correlationId: c.get('correlationId'),
  // A request that is made inside of the process comes from nowhere.
  client: addressOf(c)(),
})

/** As its route was registered: `/v1/assets/:asset`. */
export const routeOf = (c: MatrixContext): string => routePath(c).replace(/:(\w+)\{[^}]*\}/g, ':$1')

export interface Change {
  /** What it is about, as a path below `/v1`: `collections/gallery/grants/shop`. */
  readonly resource: string
  /** As answers show it; what differs is kept. Absent where there was nothing, or is nothing any more. */
  readonly before?: Fields | undefined
  readonly after?: Fields | undefined
  /** By which right, where it is not plain from who did it. */
  readonly reasons?: readonly string[]
}

/**
 * Records an accepted change, in the transaction that makes it: taken back with it, repeated with it. The name of the action
 * is the route's (`actions.ts`).
 *
 * @example await auditChange(c, tx, { resource: `products/${product}`, before: shownBefore, after: shown })
 */
export const auditChange = (
  c: MatrixContext,
  tx: Sql,
  { resource, before, after, reasons = [] }: Change,
): Promise<void> =>
  recordAudit(tx, {
    ...actorOf(c.get('principal')),
    ...requestOf(c),
    action: actionOf(c.req.method, routeOf(c)),
    resource,
    reasons,
    before,
    after,
  })
