/** The engines that the environment names, opened. What cannot be used is said before anything is asked. */
import type { Config } from '../config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { openCedar } from './cedar.ts'
import type { PolicyEngine } from './engine.ts'
import { openOpa } from './opa.ts'

const STATE_NUMBER = { closed: 0, 'half-open': 1, open: 2 } as const

/** In the order in which they are asked: what is in the process first. Throws `ConfigError`. */
export const openConfiguredEngines = async (
  { policyCedar, policyOpaUrl, policyOpaToken, policyOpaMs }: Config,
  { clock, metrics }: { clock: Clock; metrics: Pick<Metrics, 'policyBreaker'> },
): Promise<readonly PolicyEngine[]> => {
  const engines: PolicyEngine[] = []
  if (policyCedar !== undefined) engines.push(await openCedar(policyCedar))
  if (policyOpaUrl !== undefined) {
    const showBreaker = (state: keyof typeof STATE_NUMBER): void =>
      metrics.policyBreaker.set({ engine: 'opa' }, STATE_NUMBER[state])
    showBreaker('closed')
    const { now } = clock
    engines.push(
      openOpa({ url: policyOpaUrl, token: policyOpaToken, deadlineMs: policyOpaMs, now, onBreaker: showBreaker }),
    )
  }
  return engines
}
