/** Use is noted for nothing and told in batches. */
import { expect, test } from 'vitest'
import type { KeyUse } from '../../src/manifest/key-use.ts'
import type { Principal } from '../../src/model/principal.ts'
import { openKeyUse, startKeyUse } from '../../src/policy/key-use.ts'

const principal = (id: string, kind: Principal['kind'] = 'key'): Principal => ({
  tenant: 'demo',
  kind,
  id,
  product: 'shop',
  scopes: ['resolve'],
})

const open = (record?: (uses: readonly KeyUse[]) => Promise<void>) => {
  const told: (readonly KeyUse[])[] = []
  let time = 0
  const use = openKeyUse({ clock: { now: () => ++time }, record: record ?? (async uses => void told.push(uses)) })
  return { ...use, told }
}

test('the last use of each key is told once, and those of tokens and links are not', async () => {
  const { note, flush, told } = open()
  for (const id of ['a', 'b', 'a']) note(principal(id))
  note(principal('token_idp_x', 'token'))
  note(principal('link_x', 'link'))
  await flush()
  await flush()
  expect(told).toEqual([
    [
      { tenant: 'demo', key: 'a', at: 3 },
      { tenant: 'demo', key: 'b', at: 2 },
    ],
  ])
})

test('many keys are told in batches, and no more are noted than are bounded', async () => {
  const { note, flush, told } = open()
  for (let n = 0; n < 60_000; n++) note(principal(`key_${n}`))
  await flush()
  expect(told).toHaveLength(50)
  expect(new Set(told.map(uses => uses.length))).toEqual(new Set([1_000]))
})

test('the end tells what was noted, and a failure is heard of and stops nothing', async () => {
  const failures: unknown[] = []
  const failing = open(async () => {
    throw new Error('away')
  })
  failing.note(principal('a'))
  await startKeyUse(failing, error => void failures.push(error)).stop()
  expect(failures).toEqual([new Error('away')])
  const { note, flush, told } = open()
  const running = startKeyUse({ flush }, error => void failures.push(error))
  note(principal('a'))
  await running.stop()
  expect(told).toHaveLength(1)
  expect(failures).toHaveLength(1)
})
