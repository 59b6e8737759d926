/** When what does not answer is left alone, and for how long. Spread into the list of all variables. */
import { ConfigRule, declare } from '../environment.ts'
import type { BreakerRow } from '../lib/breaker.ts'

const MS = { ms: 1, s: 1_000, m: 60_000 } as const
const ROW = /^([1-9]\d{0,3})\/([1-9]\d{0,5})(ms|s|m)\/([1-9]\d{0,5})(ms|s|m)\/([1-9]\d?)$/

/** `5/10s/30s/3`: so many failures within so long, so long alone, so many probes. */
export const breakerRow = (value: string): BreakerRow => {
  const [, threshold, within, unit, alone, aloneUnit, probes] = ROW.exec(value) ?? []
  if (threshold === undefined) throw new ConfigRule('expected failures, window, rest and probes, like 5/10s/30s/3')
  return {
    threshold: Number(threshold),
    windowMs: Number(within) * MS[unit as keyof typeof MS],
    openMs: Number(alone) * MS[aloneUnit as keyof typeof MS],
    halfOpenMax: Number(probes),
  }
}

const FORM = 'failures (at least half of the calls) / within / then left alone for / probes that all have to succeed'

export const RESILIENCE = {
  breakerStorage: declare(
    'BREAKER_STORAGE',
    breakerRow,
    '3/30s/60s/2',
    `Circuit breaker before the object store: ${FORM}. Meanwhile it is asked once a second whether it is back, and the time counts from the last of that.`,
  ),
  breakerQueue: declare('BREAKER_QUEUE', breakerRow, '5/10s/5s/1', 'The same before the queue of hints.'),
  breakerJwks: declare('BREAKER_JWKS', breakerRow, '5/10s/30s/3', 'The same before each key set of an issuer.'),
  breakerOpa: declare('BREAKER_OPA', breakerRow, '5/10s/5s/3', 'The same before the Open Policy Agent.'),
  breakerScan: declare(
    'BREAKER_SCAN',
    breakerRow,
    // Two are scanned at once: where each hangs until SCAN_TIMEOUT_MS, the third failure comes after twice that.
    '3/5m/30s/3',
    'The same before each scanner. Within less than twice SCAN_TIMEOUT_MS, one that hangs does not open it.',
  ),
} as const
