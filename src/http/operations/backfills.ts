/** Backfills among other long work: a product's are those of its own renditions. */
import type { Gateway } from '../../gateway.ts'
import { findOperation, listOperations } from '../../manifest/operations.ts'
import { OPERATION_STATES, type Operation } from '../../model/operation.ts'
import { cancelOperation, setPaused } from '../../reconcile/backfill.ts'
import { auditChange } from '../audit.ts'
import type { MatrixContext } from '../context.ts'
import { presentBackfill } from '../operation.ts'
import { isAdministrator, type Kind, type Member, type OperationWord } from './shape.ts'

type Recorder = Parameters<typeof setPaused>[3]

export const backfillKind = (gateway: Pick<Gateway, 'database' | 'clock'>): Kind => {
  const { database } = gateway

  const cancel = async (one: Operation, record: Recorder): Promise<boolean> => {
    if (await cancelOperation(database, one, 'cancelled', record)) return true
    if ((await findOperation(database, one.tenant, one.id))?.state !== 'CANCELLED') return false
    await record(database, { from: 'CANCELLED', to: 'CANCELLED' })
    return true
  }

  const tell = (c: MatrixContext, one: Operation, word: OperationWord): Promise<boolean> | undefined => {
    const record: Recorder = (tx, { from, to }) =>
      auditChange(c, tx, { resource: `operations/${one.id}`, before: { state: from }, after: { state: to } })
    if (word === 'undo') return undefined // what was made is what would be made when somebody asks for it
    return word === 'cancel' ? cancel(one, record) : setPaused(database, one, word === 'pause', record)
  }

  const member = (one: Operation): Member => ({
    id: one.id,
    kind: 'backfill',
    present: () => presentBackfill(gateway, one),
    tell: (c, word) => tell(c, one, word),
  })

  return {
    kind: 'backfill',
    async list(principal, { state, ...rest }) {
      const own = OPERATION_STATES.find(one => one === state)
      if (state !== undefined && own === undefined) return []
      const product = isAdministrator(principal) ? undefined : (principal.product ?? '')
      return (await listOperations(database, { tenant: principal.tenant, product, state: own, ...rest })).map(member)
    },
    async find(principal, id) {
      const found = await findOperation(database, principal.tenant, id)
      const isTheirs = found && (principal.product === found.input.product || isAdministrator(principal))
      return isTheirs ? member(found) : undefined
    },
  }
}
