/** What answers that take something back say of what was handed out before. */
import type { Config } from '../config.ts'
import { exposedUntil, type UrlLife } from '../deliver/exposure.ts'
import type { Clock } from '../lib/clock.ts'
import type { MatrixContext } from './context.ts'

export const urlLifeOf = ({
  presignSeconds,
  presignWindowSeconds,
}: Pick<Config, 'presignSeconds' | 'presignWindowSeconds'>): UrlLife => ({
  lifeSeconds: presignSeconds,
  windowSeconds: presignWindowSeconds,
})

/** In a header, for some of these answers have no body. Gives the time, RFC 3339. */
export const announceExposure = (c: MatrixContext, { config, clock }: { config: Config; clock: Clock }): string => {
  const until = new Date(exposedUntil(clock.now(), urlLifeOf(config))).toISOString()
  c.header('Matrix-Max-Exposure-Until', until)
  return until
}
