import { expect, test } from 'vitest'
import { inLanes } from '../../src/lib/in-lanes.ts'

test('results stand in the order of the items, and never more of them are worked on than there are lanes', async () => {
  let running = 0
  let most = 0
  const results = await inLanes([5, 1, 4, 2, 3], {
    atOnce: 2,
    work: async (item, index) => {
      most = Math.max(most, ++running)
      for (let turns = 0; turns < item; turns++) await Promise.resolve()
      running--
      return `${index}:${item}`
    },
  })
  expect(results).toEqual(['0:5', '1:1', '2:4', '3:2', '4:3'])
  expect(most).toBe(2)
})

test('what was not begun has no result', async () => {
  let begun = 0
  const options = { atOnce: 1, goesOn: () => begun < 2, work: () => ++begun }
  expect(await inLanes(['a', 'b', 'c'], options)).toEqual([1, 2, undefined])
})

test('nothing more is begun after a failure', async () => {
  const begun: number[] = []
  const work = async (item: number) => {
    begun.push(item)
    await Promise.resolve()
    if (item === 1) throw new Error('away')
  }
  await expect(inLanes([0, 1, 2, 3, 4, 5], { atOnce: 2, work })).rejects.toThrow('away')
  await new Promise(setImmediate)
  expect(begun.length).toBeLessThan(6)
})
