/** A process of its own with both ends of a hint queue, to be killed (`hold`) or watched as it ends by itself (`leave`). */
import { openHintQueue, type QueueBackend, startHintConsumer } from '../../src/queue/bullmq.ts'
import type { Hint } from '../../src/queue/queue.ts'

export interface ChildTask {
  readonly act: 'hold' | 'leave'
  readonly backend: QueueBackend
  readonly name: string
}

/** Told to the parent: the hint that this process has in hand. */
export interface ChildSays {
  readonly handling: Hint
}

const task = JSON.parse(process.argv[2] ?? '') as ChildTask
const { act, backend, name } = task
const told = new Promise<void>(resolve => process.once('message', () => resolve()))

const consumer = startHintConsumer({
  backend,
  name,
  concurrency: 1,
  lockMs: 1_000,
  stalledCheckMs: 500,
  handle: async hint => {
    await new Promise(resolve => process.send?.({ handling: hint } satisfies ChildSays, resolve))
    if (act === 'hold') await new Promise(() => undefined)
  },
  onError: () => undefined,
})

if (act === 'leave') {
  const queue = openHintQueue({ backend, name })
  await told // the parent may have stopped the server meanwhile
  await consumer.drain()
  await queue.close()
  process.disconnect()
}
