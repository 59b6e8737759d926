/** What monitors ask costs the same, however many of them ask at once. */
import { expect, test } from 'vitest'
import type { Database } from '../../src/manifest/database.ts'
import { startSystem } from '../support/system.ts'

test.each(['/metrics', '/readyz'])('%s: who asks while it is counted is told the same', async path => {
  let asked = 0
  const counting = (database: Database): Database => ({
    ...database,
    rows: (...statement) => {
      asked++
      return database.rows(...statement)
    },
  })
  const alter = <Core extends { database: Database }>(core: Core): Core => ({
    ...core,
    database: counting(core.database),
  })
  const system = await startSystem({ worker: false, alter })
  try {
    const ask = async () => (await system.call('GET', path)).status
    expect(await ask()).toBe(200)
    asked = 0
    await ask()
    const once = asked
    expect(once).toBeGreaterThan(0)
    asked = 0
    expect(new Set(await Promise.all(Array.from({ length: 40 }, ask)))).toEqual(new Set([200]))
    expect(asked).toBeLessThanOrEqual(2 * once)
  } finally {
    await system.close()
  }
})
