import { expect, test } from 'vitest'
import { openAtMost } from '../../src/lib/at-most.ts'

const held = () => {
  let release: () => void = () => undefined
  const until = new Promise<void>(resolve => {
    release = resolve
  })
  return { until, release: () => release() }
}

test('no more than so many at once, in their order, whatever becomes of them', async () => {
  const atMost = openAtMost(2)
  const gates = [held(), held(), held(), held()]
  const begun: number[] = []
  const all = gates.map(({ until }, n) =>
    atMost(async () => {
      begun.push(n)
      await until
      if (n === 0) throw new Error('nothing')
      return n
    }).catch(() => -1),
  )
  expect(begun).toEqual([0, 1])
  gates[1]?.release()
  await all[1]
  expect(begun).toEqual([0, 1, 2])
  gates[0]?.release()
  expect(await all[0]).toBe(-1)
  expect(begun).toEqual([0, 1, 2, 3])
  for (const gate of gates) gate.release()
  expect(await Promise.all(all)).toEqual([-1, 1, 2, 3])
  expect(await atMost(async () => 'again')).toBe('again')
})
