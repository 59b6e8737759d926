/**
 * What goes on while something is away, and that all of it is back by itself when that is: the table of docs/resilience.md, row by row,
 * with dependencies that are gone and dependencies that hang. What the table says is what is expected here.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findRedis } from '../support/redis.ts'
import { openWays, type Ways } from './ways.ts'

const PAGE = join(import.meta.dirname, '../../docs/resilience.md')
const rowsOf = (page: string, heading: string): string[][] =>
  (page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    )
const [[, ...names] = [], , ...rows] = rowsOf(readFileSync(PAGE, 'utf8'), 'What goes on')
const TABLE = new Map(
  rows.map(([name = '', ...cells]) => [name, Object.fromEntries(names.map((way, i) => [way, cells[i]]))]),
)
const hasRedis = 'command' in (await findRedis())
const away = [...TABLE.keys()].filter(name => hasRedis || name !== 'Redis')

let ways: Ways
const look = async () => Object.fromEntries(await ways.stands())
const WELL = Object.fromEntries(names.map(way => [way, 'yes']))
const becomesWell = (withinMs: number) => expect.poll(look, { timeout: withinMs, interval: 100 }).toEqual(WELL)

beforeAll(async () => {
  ways = await openWays()
}, 60_000)
afterAll(() => ways?.close())

test('the page knows every trouble, and every way; without one all of them go on', async () => {
  expect(away).toEqual(Object.keys(ways.troubles))
  await becomesWell(40_000)
}, 60_000)

describe.each(away)('without %s', name => {
  test.each(['gone', 'hangs'] as const)(
    'which is %s',
    async trouble => {
      const become = ways.troubles[name] as Ways['troubles'][string]
      const expected = TABLE.get(name)
      const seen = new Set<string>()
      const seeing = async () => {
        const stood = await look()
        for (const how of Object.values(stood)) seen.add(how)
        return stood
      }
      const startedAt = performance.now()
      become(trouble)
      try {
        let stood = await seeing()
        // What comes first finds out, and may wait for it.
        for (let round = 0; round < 3 && JSON.stringify(stood) !== JSON.stringify(expected); round++)
          stood = await seeing()
        expect(stood).toEqual(expected)
        expect([...seen].filter(how => !['yes', '503', 'later', 'to others'].includes(how))).toEqual([])
      } finally {
        become('none')
      }
      const backAt = performance.now()
      await becomesWell(60_000)
      const ms = (from: number, to: number): number => Math.round(to - from)
      console.log(
        `${name} ${trouble}: as tabled after ${ms(startedAt, backAt)} ms, back after ${ms(backAt, performance.now())} ms`,
      )
    },
    150_000,
  )
})
