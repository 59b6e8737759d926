/** The scanners that the configuration names: all of them are asked, and all of them have to call an original clean. */
import type { Config } from '../config.ts'
import { openBreaker } from '../lib/breaker.ts'
import type { Clock } from '../lib/clock.ts'
import { openGuard } from '../lib/guard.ts'
import { isMatrixError } from '../model/errors.ts'
import { worstState } from '../telemetry/breaker-metrics.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { openClamd } from './clamd.ts'
import { openHook } from './hook.ts'
import type { Scanner } from './scanner.ts'

/** An original that the store does not give is no failure of the scanner's. */
const isOfTheStore = (error: unknown): boolean =>
  isMatrixError(error) || (error instanceof Error && isMatrixError(error.cause))

export const configuredScanners = (
  { clamd, scanUrl, scanToken, scanTimeoutMs: timeoutMs, breakerScan }: Config,
  { clock, metrics }: { clock: Clock; metrics: Pick<Metrics, 'breakers'> },
): readonly Scanner[] => {
  const guarded = [
    ...(clamd === undefined ? [] : [openClamd(clamd, { timeoutMs })]),
    ...(scanUrl === undefined ? [] : [openHook({ url: scanUrl, token: scanToken, timeoutMs })]),
  ].map(scanner => ({ scanner, breaker: openBreaker({ ...breakerScan, now: clock.now }) }))
  if (guarded.length > 0) metrics.breakers.set('scan', () => worstState(guarded.map(({ breaker }) => breaker.state())))
  return guarded.map(({ scanner, breaker }) => {
    const refusal = () => new Error(`${scanner.name} has failed too often and is left alone`)
    const guard = openGuard({ breaker, refusal })
    return {
      name: scanner.name,
      scan: object =>
        guard(
          () => scanner.scan(object),
          error => (isOfTheStore(error) ? 'left' : 'failed'),
        ),
      isLeftAlone: () => breaker.state() === 'open',
    }
  })
}
