/** Gateways and one Redis between them: what they share of a limit, and what is left of it when Redis is killed or hangs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { openConfiguredRates } from '../../src/rates/configured.ts'
import type { Account } from '../../src/rates/rates.ts'
import { openRedisLedger } from '../../src/rates/redis-ledger.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { openMetrics } from '../../src/telemetry/metrics.ts'
import { findRedis, startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const binary = await findRedis()
const reason = 'missing' in binary ? ` (${binary.missing})` : ''
const QUOTA = 400
const MS_OF_A_REQUEST = 5

describe.skipIf('missing' in binary)(`rate limits on Redis${reason}`, () => {
  let redis: TestRedis
  const gateways: ReturnType<typeof gateway>[] = []
  const gateway = () => {
    const config = readConfig(
      { RATE_LIMITS: 'enforce', RATE_RESOLVE: `${QUOTA}/600s`, RATE_PRODUCT_KEYS: '0', RATE_TENANT_KEYS: '0' },
      { cores: 1, terminal: false },
    )
    const metrics = openMetrics()
    const log = openLog({ level: 'silent', name: 'test' })
    const rates = openConfiguredRates({ config, log, metrics, redisUrl: redis.url, readLimits: async () => ({}) })
    return {
      close: rates.close,
      of: (id: string): Promise<Account> => rates.of({ tenant: 't', kind: 'key', id, product: 'shop', scopes: [] }),
      lost: async (): Promise<number> => (await metrics.rateSettlementsLost.get()).values[0]?.value ?? 0,
    }
  }
  beforeAll(async () => {
    if ('missing' in binary) return
    redis = await startRedis(binary)
    gateways.push(gateway(), gateway())
  })
  afterAll(async () => {
    for (const { close } of gateways) close()
    await redis?.remove()
  })

  const take = (account: Account): boolean => {
    try {
      account.take('resolve')
      return true
    } catch {
      return false
    }
  }
  const leftOf = (account: Account): number => Number(/r=(\d+)/.exec(account.fields('resolve')?.RateLimit ?? '')?.[1])
  /** Each asks until the other's requests show in its own number. */
  const sharing = async (id: string): Promise<{ account: Account; asked: number }[]> => {
    const askers = await Promise.all(gateways.map(async ({ of }) => ({ account: await of(id), asked: 0 })))
    await until('one number', () => {
      for (const asker of askers) if (take(asker.account)) asker.asked++
      return askers.every(({ account, asked }) => leftOf(account) < QUOTA - asked)
    })
    return askers
  }

  test('two gateways share a limit, and both tell the same number', async () => {
    const askers = await sharing('shared')
    const each = 10
    for (const asker of askers) {
      await until('no room', () => {
        for (let n = 0; n < each; n++) if (take(asker.account)) asker.asked++
        return asker.account.isFull('resolve')
      })
    }
    const admitted = askers.reduce((sum, { asked }) => sum + asked, 0)
    expect(admitted).toBeGreaterThanOrEqual(QUOTA)
    // Beyond the quota what came between two settlements: a tenth, and one turn more while it was under way.
    expect(admitted).toBeLessThanOrEqual(QUOTA + 2 * (QUOTA / 10 + 2 * each))
  })

  test('while Redis hangs each goes on by itself, and no request waits', async () => {
    const askers = await sharing('hung')
    process.kill(redis.pid, 'SIGSTOP')
    try {
      for (const { account } of askers) {
        const before = leftOf(account)
        const startedAt = performance.now()
        let admitted = 0
        for (let n = 0; n < 2 * QUOTA; n++) if (take(account)) admitted++
        expect(admitted).toBe(before)
        expect((performance.now() - startedAt) / (2 * QUOTA)).toBeLessThan(MS_OF_A_REQUEST)
      }
      await until('it is noticed', async () => (await gateways[0]!.lost()) > 0)
    } finally {
      process.kill(redis.pid, 'SIGCONT')
    }
    await sharing('after-hung')
  })

  test('while Redis is away each goes on by itself, and they share again when it is back', async () => {
    const [one] = await sharing('killed')
    await redis.kill9()
    const left = leftOf(one!.account)
    let admitted = 0
    for (let n = 0; n < 2 * QUOTA; n++) if (take(one!.account)) admitted++
    expect(admitted).toBe(left)
    const fresh = await gateways[1]!.of('new-meanwhile')
    for (let n = 0; n < QUOTA; n++) expect(take(fresh)).toBe(true)
    expect(take(fresh)).toBe(false)
    await redis.start()
    await sharing('after-killed')
  })

  test('a ledger that cannot be reached says so in bounded time', async () => {
    const ledger = openRedisLedger('redis://127.0.0.1:1', { onError: () => undefined })
    const startedAt = performance.now()
    await expect(ledger.add({ name: 'x', points: 1, seconds: 1 })).rejects.toThrow()
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    ledger.close()
  })
})
