/**
 * Versions that their collection keeps no longer. It is leisurely: a round looks at some assets of each collection that does not keep
 * all, and goes on there in the next; any number of processes may, each at its own place.
 */
import type { Config } from '../config.ts'
import type { Clock } from '../lib/clock.ts'
import { recordOwnAct } from '../manifest/audit.ts'
import type { Database, Sql } from '../manifest/database.ts'
import {
  endOfPage,
  type Keeping,
  keepingCollections,
  type NamedVersion,
  pruneBeyond,
  versionsBeyond,
} from '../manifest/prune.ts'
import { lockAsset } from '../manifest/publish.ts'
import { isMatrixError } from '../model/errors.ts'
import { exposureOf } from './erase.ts'

const HOUR_MS = 3_600_000
/** Of a collection in a round: a million assets in less than two hours, at 20 ms a round. */
const ASSETS_AT_ONCE = 5_000
const VERSIONS_AT_ONCE = 200

export interface PruneDependencies {
  readonly database: Database
  readonly config: Config
  readonly clock: Clock
}

const recordPrune = (tx: Sql, tenant: string, { asset, version }: NamedVersion, operation: string): Promise<void> =>
  recordOwnAct(tx, {
    tenant,
    actor: 'sweep',
    requestId: `erasure:${operation}`,
    correlationId: `keep-versions:${asset}`,
    action: 'version.purge',
    resource: `assets/${asset}/versions/${version}`,
    reasons: ['keep-versions'],
    after: { operation },
  })

/** One round each time it is called. */
export const openPruning = ({ database, config, clock }: PruneDependencies): (() => Promise<void>) => {
  const places = new Map<string, string>()
  const graceMs = config.deleteGraceHours * HOUR_MS

  const prune = async ({ tenant }: Keeping, { asset, version }: NamedVersion): Promise<void> => {
    const wish = {
      tenant,
      asset,
      version,
      reason: 'keep-versions',
      cause: { actor: 'sweep', correlationId: `keep-versions:${asset}` },
      requestedAt: new Date(clock.now()),
      exposure: exposureOf(config, clock.now()),
    } as const
    await database.transaction(async tx => {
      const locked = await lockAsset(tx, tenant, asset)
      const operation = locked && (await pruneBeyond(tx, locked, wish, graceMs))
      if (operation !== undefined) await recordPrune(tx, tenant, { asset, version }, operation)
    })
  }

  const round = async (keeping: Keeping): Promise<void> => {
    const { tenant, collection } = keeping
    const place = `${tenant}/${collection}`
    const page = { tenant, collection, after: places.get(place), assets: ASSETS_AT_ONCE }
    const found = await versionsBeyond(database, { ...page, graceMs, limit: VERSIONS_AT_ONCE })
    for (const one of found)
      await prune(keeping, one).catch(error => {
        if (!isMatrixError(error, 'conflict')) throw error // laid on others since it was looked at
      })
    if (found.length === VERSIONS_AT_ONCE) return
    const end = await endOfPage(database, page)
    if (end === undefined) places.delete(place)
    else places.set(place, end)
  }

  return async () => {
    for (const keeping of await keepingCollections(database)) await round(keeping)
  }
}
