/** The state of what stands before each dependency, read when somebody asks. */
import { Gauge, type Registry } from 'prom-client'
import type { BreakerState } from '../lib/breaker.ts'
import type { Dependency } from '../model/dependency.ts'

const STATES = ['closed', 'half-open', 'open'] as const satisfies readonly BreakerState[]

/** Of several that guard the same: that of the one that is worst. */
export const worstState = (states: Iterable<BreakerState>): BreakerState =>
  STATES[Math.max(0, ...[...states].map(state => STATES.indexOf(state)))] ?? 'closed'

export const breakerMetrics = (registers: Registry[]) => {
  const breakers = new Map<Dependency, () => BreakerState>()
  return {
    /** Whoever opens one puts it here. */
    breakers,
    breakerState: new Gauge({
      name: 'circuit_breaker_state',
      help: 'Circuit breaker before a dependency: 0 closed, 1 half-open, 2 open (nothing is asked of it). Of jwks that of the worst key set.',
      labelNames: ['dependency'] as const,
      registers,
      collect() {
        for (const [dependency, state] of breakers) this.set({ dependency }, STATES.indexOf(state()))
      },
    }),
  }
}
