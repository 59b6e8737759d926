import { expect, test } from 'vitest'
import { inBytes, inMinutes, lineOf } from '../../src/cli/bar.ts'

test('amounts and times as people read them', () => {
  expect([0, 999, 1000, 12_345, 1_234_567, 999_900_000, 5_000_000_000, 12e12].map(inBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '12 kB',
    '1.2 MB',
    '1000 MB',
    '5.0 GB',
    '12000 GB',
  ])
  expect([0, 9.9, 75, 3600].map(inMinutes)).toEqual(['0:00', '0:09', '1:15', '60:00'])
})

test('a line fills up, and tells the speed once there is one', () => {
  const half = { label: 'a.jpg', done: 1_000_000, total: 2_000_000 }
  expect(lineOf({ ...half, perSecond: undefined }, inBytes)).toBe(
    `a.jpg [${'#'.repeat(15)}${'.'.repeat(15)}] 50 %  1.0 MB of 2.0 MB`,
  )
  expect(lineOf({ ...half, perSecond: 50_000 }, inBytes)).toContain('  50 kB/s  0:20 left')
  expect(lineOf({ ...half, done: 3_000_000, perSecond: 0 }, inBytes)).toMatch(/] 100 %/)
  expect(lineOf({ label: 'x', done: 0, total: 0, perSecond: undefined }, inBytes)).toMatch(/] 100 %/)
})
