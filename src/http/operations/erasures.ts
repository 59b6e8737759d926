/** Erasures among other long work: they go on to their end, whatever anybody says. */
import type { Gateway } from '../../gateway.ts'
import { findErasure, listErasures, objectsOfErasure } from '../../manifest/erasures.ts'
import type { Erasure } from '../../model/erasure.ts'
import { presentErasure } from '../erasure.ts'
import { isAdministrator, type Kind, type Member } from './shape.ts'

export const erasureKind = ({ database }: Pick<Gateway, 'database'>): Kind => {
  const member = (one: Erasure): Member => ({
    id: one.id,
    kind: 'erase',
    present: async ({ whole } = { whole: false }) =>
      presentErasure(one, await objectsOfErasure(database, one), { withReceipt: whole }),
    tell: () => undefined,
  })
  return {
    kind: 'erase',
    async list(principal, { state, ...rest }) {
      if (state !== undefined && state !== 'RUNNING' && state !== 'SUCCEEDED') return []
      const product = isAdministrator(principal) ? undefined : (principal.product ?? '')
      const over = state === undefined ? undefined : state === 'SUCCEEDED'
      return (await listErasures(database, { tenant: principal.tenant, product, over, ...rest })).map(member)
    },
    /** Of the asset's owner, of who asked for it, and of administrators. */
    async find(principal, id) {
      const found = await findErasure(database, principal.tenant, id)
      if (!found) return undefined
      const isTheirs =
        principal.product === found.owner || principal.id === found.requestedBy || isAdministrator(principal)
      return isTheirs ? member(found) : undefined
    },
  }
}
