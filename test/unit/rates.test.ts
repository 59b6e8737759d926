/** Limits as arithmetic: windows that are counted here, put together by a ledger that is a map, on a clock that is a number. */
import { describe, expect, test } from 'vitest'
import { refuse } from '../../src/model/errors.ts'
import type { Principal } from '../../src/model/principal.ts'
import type { ProductLimits, Quota } from '../../src/model/quota.ts'
import { openRates, type RatesOptions } from '../../src/rates/rates.ts'
import { type Ledger, openSettlement } from '../../src/rates/settle.ts'
import { parseItems } from '../support/structured-fields.ts'

const principal = (product: string, id = `key_${product}`, tenant = 't'): Principal => ({
  tenant,
  kind: 'key',
  id,
  product,
  scopes: ['resolve'],
})

const open = (options: Partial<RatesOptions> = {}) => {
  const clock = { at: 0 }
  const limits: Record<string, ProductLimits> = {}
  const heard: object[] = []
  const rates = openRates({
    keyQuotas: { resolve: { requests: 10, seconds: 2 } },
    productFactor: 3,
    tenantFactor: 5,
    authQuota: { requests: 3, seconds: 60 },
    advisory: false,
    readLimits: async (tenant, product) => limits[`${tenant}/${product}`] ?? {},
    now: () => clock.at,
    onLimited: limited => heard.push(limited),
    ...options,
  })
  return { rates, clock, limits, heard }
}

const admits = (take: () => void): boolean => {
  try {
    take()
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: 'rate-limited', retryAfterSeconds: expect.any(Number) })
    return false
  }
}
const admitted = (times: number, take: () => void): number => {
  let count = 0
  for (let i = 0; i < times; i++) if (admits(take)) count++
  return count
}

describe('a window', () => {
  test('holds its quota, begins with the first request, and refusals cost nothing', async () => {
    const { rates, clock, heard } = open()
    const account = await rates.of(principal('shop'))
    clock.at = 5_000
    expect(admitted(100, () => account.take('resolve'))).toBe(10)
    expect(heard).toHaveLength(90)
    clock.at = 6_999
    expect(admits(() => account.take('resolve'))).toBe(false)
    clock.at = 7_000
    expect(admitted(100, () => account.take('resolve'))).toBe(10)
  })

  test('of a class leaves the others, and a class without a quota is free', async () => {
    const { rates } = open({ keyQuotas: { resolve: { requests: 1, seconds: 1 }, write: { requests: 2, seconds: 1 } } })
    const account = await rates.of(principal('shop'))
    expect(admitted(5, () => account.take('resolve'))).toBe(1)
    expect(admitted(5, () => account.take('write'))).toBe(2)
    expect(admitted(50, () => account.take('cold'))).toBe(50)
    expect(account.fields('cold')).toBeUndefined()
  })

  test('is told how long it lasts', async () => {
    const { rates, clock } = open()
    const account = await rates.of(principal('shop'))
    clock.at = 100
    admitted(10, () => account.take('resolve'))
    clock.at = 700
    expect(() => account.take('resolve')).toThrow(
      refuse('rate-limited', 'The limit resolve is 10 requests in 2 s.', {}).message,
    )
    try {
      account.take('resolve')
    } catch (error) {
      expect(error).toMatchObject({
        retryAfterSeconds: 2,
        details: { limit: { name: 'resolve', requests: 10, seconds: 2 } },
      })
    }
  })
})

describe('who is held to what', () => {
  test('keys, their product, its tenant; and no other', async () => {
    const { rates } = open()
    const keys = await Promise.all(Array.from({ length: 5 }, (_, i) => rates.of(principal('shop', `key_${i}`))))
    expect(keys.map(key => admitted(20, () => key.take('resolve')))).toEqual([10, 10, 10, 0, 0])
    const mobile = await rates.of(principal('mobile'))
    expect(admitted(20, () => mobile.take('resolve'))).toBe(10)
    const more = await Promise.all(Array.from({ length: 5 }, (_, i) => rates.of(principal(`p${i}`))))
    expect(more.map(key => admitted(20, () => key.take('resolve')))).toEqual([10, 0, 0, 0, 0])
    const elsewhere = await rates.of(principal('shop', 'key_0', 'elsewhere'))
    expect(admitted(20, () => elsewhere.take('resolve'))).toBe(10)
  })

  test('addresses by themselves, administrators not at all', async () => {
    const { rates } = open()
    expect(admitted(20, () => rates.ofAddress('192.0.2.1').take('resolve'))).toBe(10)
    expect(admitted(20, () => rates.ofAddress('192.0.2.2').take('resolve'))).toBe(10)
    const admin = await rates.of({ tenant: 't', kind: 'key', id: 'a', product: undefined, scopes: ['matrix:admin'] })
    expect(admitted(500, () => admin.take('resolve'))).toBe(500)
  })

  test('failed credentials where they came from', () => {
    const { rates, heard } = open()
    expect(admitted(10, () => rates.failed('192.0.2.1'))).toBe(3)
    expect(admitted(10, () => rates.failed('192.0.2.2'))).toBe(3)
    expect(heard[0]).toEqual({ class: 'auth', tenant: '', product: '', advisory: false })
  })

  test('an account is the same whoever asks for it', async () => {
    const { rates } = open()
    const [one, two] = await Promise.all([rates.of(principal('shop')), rates.of(principal('shop'))])
    admitted(10, () => one.take('resolve'))
    expect(two.isFull('resolve')).toBe(true)
    rates.remember('hash', one)
    expect(rates.known({ secretHash: 'hash', proven: undefined })).toBe(one)
    expect(rates.known({ secretHash: 'other', proven: undefined })).toBeUndefined()
    expect(rates.known({ secretHash: undefined, proven: { principal: principal('shop') } })).toBe(one)
    expect(rates.known({ secretHash: undefined, proven: { principal: principal('new') } })).toBeUndefined()
  })
})

describe('limits of a product', () => {
  const own: Quota = { requests: 2, seconds: 10 }

  test('take the place of the defaults, at once where they are set and within seconds elsewhere', async () => {
    const { rates, clock, limits } = open()
    const account = await rates.of(principal('shop'))
    limits['t/shop'] = { rates: { resolve: own } }
    await rates.refresh('t', 'shop')
    expect(account.fields('resolve')?.['RateLimit-Policy']).toBe(
      '"resolve";q=10;w=2, "resolve-product";q=2;w=10, "resolve-tenant";q=50;w=2',
    )
    expect(admitted(10, () => account.take('resolve'))).toBe(2)
    limits['t/shop'] = { key_rates: { resolve: { requests: 1, seconds: 1 } } }
    clock.at = 5_001
    account.isFull('resolve') // whoever asks after that time has them read
    await Promise.resolve().then(() => undefined)
    await rates.refresh('t', 'other')
    expect(account.fields('resolve')?.['RateLimit-Policy']).toBe(
      '"resolve";q=1;w=1, "resolve-product";q=30;w=2, "resolve-tenant";q=50;w=2',
    )
  })

  test('are held where defaults are only observed', async () => {
    const { rates, limits, heard } = open({ advisory: true })
    const shop = await rates.of(principal('shop'))
    expect(admitted(100, () => shop.take('resolve'))).toBe(100)
    expect(heard[0]).toMatchObject({ product: 'shop', advisory: true })
    expect(shop.isFull('resolve')).toBe(false)
    limits['t/mobile'] = { rates: { resolve: { requests: 20, seconds: 2 } } }
    const mobile = await rates.of(principal('mobile'))
    expect(admitted(100, () => mobile.take('resolve'))).toBe(20)
  })

  test('that cannot be read leave what was read before', async () => {
    let broken = false
    const { rates, clock } = open({
      readLimits: async () => {
        if (broken) throw new Error('away')
        return { rates: { resolve: own } }
      },
    })
    const account = await rates.of(principal('shop'))
    broken = true
    clock.at = 60_000
    expect(admitted(10, () => account.take('resolve'))).toBe(2)
  })
})

describe('fields', () => {
  test('parse as lists of strings with integers, and name the nearest limit', async () => {
    const { rates, clock, limits } = open()
    limits['t/shop'] = { rates: { resolve: { requests: 4, seconds: 60 } } }
    const account = await rates.of(principal('shop'))
    const fresh = account.fields('resolve')
    expect(parseItems(fresh?.['RateLimit-Policy'] ?? '')).toEqual([
      ['resolve', { q: 10, w: 2 }],
      ['resolve-product', { q: 4, w: 60 }],
      ['resolve-tenant', { q: 50, w: 2 }],
    ])
    expect(parseItems(fresh?.RateLimit ?? '')).toEqual([['resolve-product', { r: 4, t: 60 }]])
    account.take('resolve')
    clock.at = 18_500
    expect(parseItems(account.fields('resolve')?.RateLimit ?? '')).toEqual([['resolve-product', { r: 3, t: 42 }]])
  })
})

/** The same numbers on every run. */
const numbers = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return (state >> 8) % below
  }
}

/** Answers when it is told to, and may be slow or broken. */
const openMap = (now: () => number) => {
  const windows = new Map<string, { used: number; endsAt: number }>()
  const behaviour = { broken: false }
  const ledger: Ledger = {
    add: async ({ name, points, seconds }) => {
      if (behaviour.broken) throw new Error('away')
      const known = windows.get(name)
      const window = known && known.endsAt > now() ? known : { used: 0, endsAt: now() + seconds * 1000 }
      window.used += points
      windows.set(name, window)
      return { used: window.used, msLeft: window.endsAt - now() }
    },
    close: () => undefined,
  }
  return { ledger, behaviour, windows }
}

describe('gateways that share a ledger', () => {
  const cluster = (size: number, quota: Quota) => {
    const clock = { at: 0 }
    const now = () => clock.at
    const map = openMap(now)
    const gateways = Array.from({ length: size }, () => {
      const settlement = openSettlement(map.ledger, { now, onError: () => undefined })
      const { rates } = open({ keyQuotas: { resolve: quota }, productFactor: 0, tenantFactor: 0, settlement, now })
      return { rates, settlement }
    })
    return { clock, map, gateways }
  }

  test('admit the quota together, but for what comes between two settlements', async () => {
    const { gateways } = cluster(2, { requests: 100, seconds: 60 })
    const accounts = await Promise.all(gateways.map(({ rates }) => rates.of(principal('shop'))))
    const settle = async () => {
      for (const { settlement } of gateways) await settlement.settle()
    }
    let count = 0
    for (let round = 0; round < 100; round++) {
      for (const account of accounts) if (admits(() => account.take('resolve'))) count++
      await settle()
      await settle()
    }
    expect(count).toBeGreaterThanOrEqual(100)
    expect(count).toBeLessThanOrEqual(101)
  })

  test('a tenth of the quota is settled without waiting for the time', async () => {
    const { gateways, map } = cluster(1, { requests: 100, seconds: 60 })
    const account = await gateways[0]!.rates.of(principal('shop'))
    for (let i = 0; i < 10; i++) account.take('resolve')
    await Promise.resolve()
    expect(map.windows.get('key/t/shop/key/key_shop/resolve')?.used).toBe(10)
  })

  test('go on by themselves when it is away, and find together again', async () => {
    const { gateways, map, clock } = cluster(2, { requests: 10, seconds: 60 })
    const [one, two] = await Promise.all(gateways.map(({ rates }) => rates.of(principal('shop'))))
    map.behaviour.broken = true
    expect(admitted(50, () => one!.take('resolve'))).toBe(10)
    await gateways[0]!.settlement.settle()
    expect(admitted(50, () => two!.take('resolve'))).toBe(10)
    await gateways[1]!.settlement.settle()
    expect(admitted(50, () => one!.take('resolve'))).toBe(0)
    map.behaviour.broken = false
    clock.at = 60_000
    expect(admitted(6, () => one!.take('resolve'))).toBe(6)
    await gateways[0]!.settlement.settle()
    expect(admitted(1, () => two!.take('resolve'))).toBe(1)
    await gateways[1]!.settlement.settle()
    expect(admitted(50, () => two!.take('resolve'))).toBe(3)
  })

  test('never admit more than the quota and what each had admitted, at most, between two settlements', async () => {
    const random = numbers(7)
    for (let run = 0; run < 25; run++) {
      const size = 1 + random(4)
      const quota = { requests: 1 + random(40), seconds: 60 }
      const { gateways } = cluster(size, quota)
      const accounts = await Promise.all(gateways.map(({ rates }) => rates.of(principal('shop'))))
      const untold = gateways.map(() => ({ now: 0, most: 0 }))
      let count = 0
      for (let step = 0; step < 300; step++) {
        const who = random(size)
        const own = untold[who]!
        if (random(4) === 0) {
          await gateways[who]!.settlement.settle()
          own.now = 0
        } else if (admits(() => accounts[who]!.take('resolve'))) {
          count++
          own.now++
          own.most = Math.max(own.most, own.now)
        }
      }
      const slack = size === 1 ? 0 : untold.reduce((sum, { most }) => sum + most, 0)
      expect(count).toBeLessThanOrEqual(quota.requests + slack)
      expect(count).toBeGreaterThanOrEqual(quota.requests)
    }
  })
})

test('one gateway never admits more than the quota between the begin of a window and its end', async () => {
  const random = numbers(11)
  for (let run = 0; run < 15; run++) {
    const quota = { requests: 1 + random(20), seconds: 1 + random(5) }
    const { rates, clock } = open({ keyQuotas: { resolve: quota }, productFactor: 0, tenantFactor: 0 })
    const account = await rates.of(principal('shop'))
    let [begun, count] = [Number.NEGATIVE_INFINITY, 0]
    for (let step = 0; step < 500; step++) {
      clock.at += random(quota.seconds * 120)
      if (!admits(() => account.take('resolve'))) continue
      if (clock.at >= begun + quota.seconds * 1000) [begun, count] = [clock.at, 0]
      count++
      expect(count).toBeLessThanOrEqual(quota.requests)
    }
  }
})
