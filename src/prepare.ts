/** What has to be there before anything works, made where it is missing. */
import { setTimeout } from 'node:timers/promises'
import type { Core } from './gateway.ts'
import { fullJitter } from './lib/backoff.ts'
import { recordOwnAct } from './manifest/audit.ts'
import { migrate, readMigrations } from './manifest/migrate.ts'
import { adminKeyId, ensureTenant, putAdminKey } from './manifest/products.ts'
import { isMatrixError } from './model/errors.ts'
import { hashSecret } from './model/ids.ts'
import { RETRIES } from './model/retries.ts'
import { prepareQueue } from './queue/bullmq.ts'

const AWAY = ['dependency-unavailable', 'dependency-timeout', 'storage-unavailable'] as const

/**
 * Makes the engines usable: schema, queue tables, buckets, tenant and admin key. Safe in any number of processes at once, and
 * repeated from the start while an engine that starts or is busy does not answer: 6 s in the mean, 12 s at most.
 */
export const prepare = async (core: Core, adminKey: string | undefined): Promise<void> => {
  for (let attempt = 0; ; attempt++) {
    try {
      return await prepareOnce(core, adminKey)
    } catch (error) {
      if (!AWAY.some(code => isMatrixError(error, code)) || attempt + 1 >= RETRIES.start.tries) throw error
      core.log.warn({ err: error }, 'engine away or busy, trying again')
      await setTimeout(fullJitter(attempt, RETRIES.start))
    }
  }
}

/** By whoever may start the software: the one change that no request makes. */
const adminKeyReplaced = (tenant: string) => ({
  tenant,
  actor: 'start',
  action: 'admin-key.replace',
  resource: `keys/${adminKeyId(tenant)}`,
})

const prepareOnce = async (
  { config, engines, database, originals, derivatives, staging, log }: Core,
  adminKey: string | undefined,
): Promise<void> => {
  const { applied } = await migrate(database, await readMigrations())
  if (applied.length > 0) log.info({ applied }, 'migrated')
  const buckets = [originals, derivatives, staging].map(store => store.ensureBucket())
  await Promise.all([prepareQueue(engines.queue), ...buckets])
  await ensureTenant(database, config.tenant)
  if (adminKey === undefined) return
  const { tenant } = config
  await database.transaction(async tx => {
    if (await putAdminKey(tx, tenant, hashSecret(adminKey))) await recordOwnAct(tx, adminKeyReplaced(tenant))
  })
}
