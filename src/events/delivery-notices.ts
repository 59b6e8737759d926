/** What became of a subscription and of its deliveries is in the log too, in the transaction that makes it so. */
import type { Sql } from '../manifest/database.ts'
import type { DueDelivery } from '../manifest/delivery-runs.ts'
import { appendNotice } from '../manifest/events.ts'
import type { KeptSubscription } from '../manifest/subscriptions.ts'
import type { Cause } from '../model/event.ts'
import { wireType } from '../model/event-catalogue.ts'
import { nameOf } from '../model/event-majors.ts'

type Whose = Pick<KeptSubscription, 'tenant' | 'id' | 'product'>

const causeOf = ({ event }: DueDelivery): Cause => ({
  actor: 'webhooks',
  correlationId: event.correlationId,
  causationId: event.id,
})

/** 410: its receiver wants nothing more. */
export const tellDisabled = async (tx: Sql, { tenant, id, product }: Whose, due: DueDelivery): Promise<void> => {
  await appendNotice(tx, {
    tenant,
    subject: `subscriptions/${id}`,
    cause: causeOf(due),
    notice: {
      type: 'subscription.disabled',
      data: { subscription: id, product: product ?? null, reason: 'gone', event: due.event.id },
    },
  })
}

/** Not of such a word itself: two receivers that are both away would tell each other of it for ever. */
export const tellDead = async (
  tx: Sql,
  { tenant, id, product }: Whose,
  due: DueDelivery,
  { failures, class: kind, status }: { failures: number; class: string; status: number | undefined },
): Promise<void> => {
  const { delivery, event } = due
  if (event.type === 'delivery.dead') return
  await appendNotice(tx, {
    tenant,
    subject: `subscriptions/${id}`,
    cause: causeOf(due),
    notice: {
      type: 'delivery.dead',
      data: {
        ...{ subscription: id, product: product ?? null, delivery },
        ...{ event: event.id, event_seq: event.seq, event_type: wireType(nameOf(event.type, event.major)) },
        ...{ attempts: failures, class: kind, last_status: status ?? null },
        redrive: `/v1/subscriptions/${id}/redrive`,
      },
    },
  })
}
