/** Sagas of a system carried on by the test, when it says so, instead of by a timer. */
import type { Gateway } from '../../src/gateway.ts'
import { findSaga } from '../../src/manifest/sagas.ts'
import type { Saga } from '../../src/model/saga.ts'
import { advanceSagas, type SagaOptions } from '../../src/reconcile/saga.ts'
import { until } from './until.ts'

type Carrier = Pick<Gateway, 'database' | 'works' | 'log'>

export const carry = ({ database, works, log }: Carrier, options: Partial<SagaOptions> = {}): Promise<void> =>
  advanceSagas({ database, works, log, owner: 'test', lanes: 4, onStep: () => undefined, ...options })

const OVER = ['SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED', 'COMPENSATED']

/** Until it is over. */
export const carryToEnd = (gateway: Carrier, saga: Pick<Saga, 'tenant' | 'id'>, withinMs = 60_000): Promise<Saga> =>
  until(
    'the end of the saga',
    async () => {
      await carry(gateway)
      const now = await findSaga(gateway.database, saga)
      return now && OVER.includes(now.state) ? now : undefined
    },
    { withinMs },
  )
