import { expect, test } from 'vitest'
import { type Candidate, openFairShare } from '../../src/transform/fair-share.ts'

const candidate = (account: string, more: Partial<Candidate> = {}): Candidate => ({
  account,
  share: 1,
  priority: 50,
  queuedAt: 0,
  ...more,
})

/** Who is served in `turns` turns, each of which costs what the account's claims cost. */
const serve = (turns: number, candidates: readonly Candidate[], costMs: Record<string, number> = {}) => {
  const shares = openFairShare()
  const counts: Record<string, number> = {}
  for (let turn = 0; turn < turns; turn++) {
    const next = shares.next(candidates)
    if (!next) break
    counts[next.account] = (counts[next.account] ?? 0) + 1
    shares.begin(next)(costMs[next.account] ?? 100)
  }
  return counts
}

test('equal shares are served in turn, however long one has been waiting', () => {
  expect(serve(100, [candidate('flood', { queuedAt: -1e6 }), candidate('late')])).toEqual({ flood: 50, late: 50 })
})

test('a share of three is three times the work', () => {
  const counts = serve(400, [candidate('large', { share: 3 }), candidate('small')])
  expect(counts.large).toBeGreaterThanOrEqual(295)
  expect(counts.large).toBeLessThanOrEqual(305)
})

test('what is shared is time: whose claims are dear has fewer of them', () => {
  const counts = serve(400, [candidate('dear'), candidate('cheap')], { dear: 300, cheap: 100 })
  expect((counts.cheap ?? 0) / (counts.dear ?? 1)).toBeCloseTo(3, 0)
})

test('lanes go before shares', () => {
  expect(serve(10, [candidate('flood'), candidate('publish', { priority: 20 })])).toEqual({ publish: 10 })
})

test('who was idle gets no credit for it', () => {
  const shares = openFairShare()
  const busy = candidate('busy')
  for (let turn = 0; turn < 50; turn++) shares.begin(busy)(100)
  const back = candidate('back')
  const first = Array.from({ length: 10 }, () => {
    const next = shares.next([busy, back])
    if (next) shares.begin(next)(100)
    return next?.account
  })
  expect(first.filter(account => account === 'busy').length).toBeGreaterThanOrEqual(4)
})

test('free hands do not all go to one while nobody knows yet what it costs', () => {
  const shares = openFairShare()
  const both = [candidate('a'), candidate('b')]
  const begun = Array.from({ length: 4 }, () => {
    const next = shares.next(both)
    if (next) shares.begin(next)
    return next?.account
  })
  expect(begun.sort()).toEqual(['a', 'a', 'b', 'b'])
})

test('nobody waits: nobody is next', () => {
  expect(openFairShare().next([])).toBeUndefined()
})
