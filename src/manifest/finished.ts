/** Long work that is over says so, in the transaction that ends it; the caller has locked its row. */
import type { Notice, Origin } from '../model/event.ts'
import type { Sql } from './database.ts'
import { appendNotice } from './events.ts'

type Finished = Extract<Notice, { type: 'operation.finished' }>['data']

interface Ended extends Pick<Finished, 'kind' | 'state' | 'product' | 'total' | 'done' | 'failed'> {
  readonly id: string
  readonly tenant: string
  readonly reason?: string | null
  /** Of the request that began it. */
  readonly correlationId: string | null
  readonly traceparent: string | null
}

export const tellFinished = async (
  tx: Sql,
  { id, tenant, kind, state, product, total, done, failed, reason, correlationId, traceparent }: Ended,
): Promise<void> => {
  const origin: Origin = { correlationId: correlationId ?? id, traceparent: traceparent ?? undefined }
  await appendNotice(tx, {
    tenant,
    subject: `operations/${id}`,
    cause: { actor: 'operations', ...origin },
    notice: {
      type: 'operation.finished',
      data: { operation: id, kind, state, product, total, done, failed, ...(reason != null && { reason }) },
    },
  })
}
