/** What somebody says to a saga that others carry on. */
import type { Database, Sql } from '../manifest/database.ts'
import { skipPending, unstick } from '../manifest/saga-steps.ts'
import { lockSaga, setSagaState } from '../manifest/sagas.ts'
import type { Principal } from '../model/principal.ts'
import type { Saga, SagaState } from '../model/saga.ts'

/** What a word from outside makes of a saga, from each state. The same state: it is so already. */
const OVER = {
  SUCCEEDED: 'COMPENSATING',
  PARTIAL: 'COMPENSATING',
  FAILED: 'COMPENSATING',
  CANCELLED: 'COMPENSATING',
} as const
const WORDS: Readonly<Record<SagaWord, Partial<Record<SagaState, SagaState>>>> = {
  pause: { RUNNING: 'PAUSED', PAUSED: 'PAUSED' },
  resume: { RUNNING: 'RUNNING', PAUSED: 'RUNNING' },
  cancel: { RUNNING: 'CANCELLED', PAUSED: 'CANCELLED', CANCELLED: 'CANCELLED' },
  undo: {
    ...OVER,
    RUNNING: 'COMPENSATING',
    PAUSED: 'COMPENSATING',
    COMPENSATING: 'COMPENSATING',
    COMPENSATED: 'COMPENSATED',
  },
}
export type SagaWord = 'pause' | 'resume' | 'cancel' | 'undo'

export interface Told {
  readonly word: SagaWord
  /** In whose name it is undone. */
  readonly principal: Principal
  /** Records it, in the transaction that follows the word. */
  readonly record: (tx: Sql, change: { from: SagaState; to: SagaState }) => Promise<void>
}

/** False where the state does not allow it. Steps that are under way when it is told are done or not done, and counted so. */
export const tellSaga = (
  database: Database,
  saga: Pick<Saga, 'tenant' | 'id'>,
  { word, principal, record }: Told,
): Promise<boolean> =>
  database.transaction(async tx => {
    const now = await lockSaga(tx, saga)
    const next = now && WORDS[word][now.state]
    if (now === undefined || next === undefined) return false
    if (next !== now.state) {
      if (next === 'CANCELLED' || next === 'COMPENSATING') await skipPending(tx, saga)
      if (next === 'COMPENSATING') await unstick(tx, saga)
      await setSagaState(tx, saga, next, {
        ...(word === 'undo' && { principal }),
        ...(word === 'cancel' && { reason: 'cancelled' }),
      })
    }
    await record(tx, { from: now.state, to: next })
    return true
  })
