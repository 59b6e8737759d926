import { expect, test } from 'vitest'
import { repeat } from '../../src/lib/repeat.ts'
import { until } from '../support/until.ts'

/** Work that is held until it is let go. */
const heldWork = () => {
  const gates: { open: () => void; fail: (error: Error) => void }[] = []
  const work = () => new Promise<void>((open, fail) => gates.push({ open: () => open(), fail }))
  return { gates, work }
}

test('rounds never overlap, and whoever asks meanwhile shares the one that runs', async () => {
  const { gates, work } = heldWork()
  const rounds = repeat(work, { everyMs: 1, onError: () => undefined })
  await until('the first round', async () => gates.length === 1)
  const shared = [rounds.once(), rounds.once()]
  gates[0]?.open()
  await Promise.all(shared)
  await until('the second round', async () => gates.length === 2)
  gates[1]?.open()
  await rounds.stop()
})

test('stop waits for the round that runs and begins no other', async () => {
  const { gates, work } = heldWork()
  const rounds = repeat(work, { everyMs: 1, onError: () => undefined })
  await until('a round', async () => gates.length === 1)
  let stopped = false
  const stopping = rounds.stop().then(() => {
    stopped = true
  })
  await Promise.resolve()
  expect(stopped).toBe(false)
  gates[0]?.open()
  await stopping
  expect(gates).toHaveLength(1)
})

test('a failure is told once: to whoever asked, or to whom the interval reports', async () => {
  const { gates, work } = heldWork()
  const told: unknown[] = []
  const rounds = repeat(work, { everyMs: 60_000, onError: error => told.push(error) })
  const asked = rounds.once()
  gates[0]?.fail(new Error('away'))
  await expect(asked).rejects.toThrow('away')
  expect(told).toEqual([])
  await rounds.stop()
  const ticking = repeat(async () => Promise.reject(new Error('gone')), {
    everyMs: 1,
    onError: error => told.push(error),
  })
  await until('told', async () => told.length > 0)
  await ticking.stop()
})
