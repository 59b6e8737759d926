/** What clients of Redis make of the answer to XREADGROUP, by protocol and by taste. */
import { expect, test } from 'vitest'
import { groupEntries } from '../../src/sdk/stream-group.ts'

const KEY = '{matrix}:events:assets'
const FIELDS = ['e', '{}']
const ENTRIES = [['7-0', FIELDS]]

test.each([
  ['pairs, as RESP2 has them', [[KEY, ENTRIES]]],
  ['a map, one after the other', [KEY, ENTRIES]],
  ['a map', new Map([[KEY, ENTRIES]])],
  ['an object', { [KEY]: ENTRIES }],
])('%s', async (_, answer) => {
  const leaving = new AbortController()
  const call = async (command: string): Promise<unknown> => (command === 'XREADGROUP' ? answer : 'OK')
  const run = { streams: ['assets'] as const, member: 'one', signal: leaving.signal }
  const { value } = await groupEntries({ call }, 'g', run).next()
  expect(value).toEqual([{ stream: KEY, id: '7-0', fields: FIELDS }])
})
