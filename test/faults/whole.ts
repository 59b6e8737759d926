/** A gateway as it runs, with all that works in it, over engines each of which is behind a trouble of its own. */
import { connect } from 'node:net'
import { startTelling } from '../../src/events/start-telling.ts'
import { type Core, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { serve } from '../../src/http/serve.ts'
import { openWarmLane } from '../../src/http/warm-lane.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { openWorker } from '../../src/worker.ts'
import { findRedis, startRedis } from '../support/redis.ts'
import type { System } from '../support/system.ts'
import { startTroubled } from '../support/trouble.ts'

/** Those of a system; without Redis where there is none to be had. */
export const openTroubledEngines = async (system: System) => {
  const { host, port } = system.engines.database as { host: string; port: number }
  const s3 = new URL(system.s3.endpoint)
  const postgres = await startTroubled(() =>
    host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host),
  )
  const store = await startTroubled(() => connect(Number(s3.port), s3.hostname))
  const binary = await findRedis()
  const redis = 'command' in binary ? await startRedis(binary) : undefined
  const queue = redis && (await startTroubled(() => connect(Number(new URL(redis.url).port), '127.0.0.1')))
  const database = { ...system.engines.database, host: '127.0.0.1', port: postgres.port }
  return {
    engines: {
      database,
      queue: queue
        ? { kind: 'redis' as const, url: `redis://127.0.0.1:${queue.port}` }
        : { kind: 'postgres' as const, connection: database },
      s3: { ...system.engines.s3, endpoint: `http://127.0.0.1:${store.port}` },
    },
    troubled: { postgres, store, queue },
    async close() {
      await Promise.all([postgres, store, queue].map(engine => engine?.close()))
      await redis?.remove()
    },
  }
}

/** Closes the core, too. */
export const openWhole = async (core: Core) => {
  const gateway = openGateway(core)
  const options = { host: '127.0.0.1', port: 0, drainMs: 0, lane: openWarmLane(gateway) }
  const server = await serve(createApp(gateway).fetch, options)
  const [worker, sweep, telling] = [await openWorker(core), startSweep(core), startTelling(gateway)]
  return {
    address: server.address,
    async close() {
      await server.drain()
      await telling.stop()
      await sweep.stop()
      await worker.drain()
      await core.close()
    },
  }
}
