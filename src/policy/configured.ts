/** The engines that the environment names, opened. What cannot be used is said before anything is asked. */
import type { Config } from '../config.ts'
import { openBreaker } from '../lib/breaker.ts'
import type { Clock } from '../lib/clock.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { openCedar } from './cedar.ts'
import type { PolicyEngine } from './engine.ts'
import { openOpa } from './opa.ts'

/** In the order in which they are asked: what is in the process first. Throws `ConfigError`. */
export const openConfiguredEngines = async (
  { policyCedar, policyOpaUrl: url, policyOpaToken: token, policyOpaMs: deadlineMs, breakerOpa }: Config,
  { clock, metrics }: { clock: Clock; metrics: Pick<Metrics, 'breakers'> },
): Promise<readonly PolicyEngine[]> => {
  const engines: PolicyEngine[] = []
  if (policyCedar !== undefined) engines.push(await openCedar(policyCedar))
  if (url !== undefined) {
    const breaker = openBreaker({ ...breakerOpa, now: clock.now })
    metrics.breakers.set('opa', breaker.state)
    engines.push(openOpa({ url, token, deadlineMs, breaker }))
  }
  return engines
}
