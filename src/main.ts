/** The process behind `npm start`: engines that are not configured, gateway and workers, until a signal ends them in order. */

import { resolve } from 'node:path'
import { type Config, ConfigError } from './config.ts'
import { adminKeyPath } from './data-folder.ts'
import { startForgetting } from './deliver/hot-bytes.ts'
import { banner } from './embedded/banner.ts'
import { seedOnce } from './embedded/demo.ts'
import { startEngines } from './embedded/engines.ts'
import { reachable } from './embedded/reachable.ts'
import { keepAdminKey } from './embedded/secrets.ts'
import { startRelay } from './events/start-relay.ts'
import { startTelling } from './events/start-telling.ts'
import { type Core, openCore, openGateway } from './gateway.ts'
import { createApp } from './http/app.ts'
import { serveOps } from './http/ops.ts'
import { serve } from './http/serve.ts'
import { openWarmLane } from './http/warm-lane.ts'
import { startSourceWork } from './ingest/start-source-work.ts'
import { describeFailure, launch } from './launch.ts'
import { repeat } from './lib/repeat.ts'
import { isMatrixError } from './model/errors.ts'
import { startKeyUse } from './policy/key-use.ts'
import { prepare } from './prepare.ts'
import { startSagas } from './reconcile/saga.ts'
import { startSweep } from './reconcile/sweep.ts'
import { onSignal } from './signals.ts'
import { type Log, openLog } from './telemetry/log.ts'
import type { Worker } from './transform/worker.ts'
import { openWorker } from './worker.ts'

interface Part {
  readonly what: string
  readonly stop: () => Promise<void>
}

/** Parts end in the reverse order of their start, each with its grace. */
const openStack = (log: Log) => {
  const parts: Part[] = []
  let stopping: Promise<never> | undefined
  const stopAll = async (exitCode: number): Promise<never> => {
    for (let part = parts.pop(); part; part = parts.pop()) {
      const { what, stop } = part
      await stop().catch(error => log.error({ err: error, what }, 'part did not stop'))
    }
    process.exit(exitCode)
  }
  return {
    add: (what: string, stop: Part['stop']): void => void parts.push({ what, stop }),
    end: (exitCode: number): Promise<never> => {
      stopping ??= stopAll(exitCode)
      return stopping
    },
  }
}

const ADMISSION_MS = 10_000

/** A build that is not registered does not work; here the API is in the same process, and answers so that it can be. */
const openWorkerOnceAdmitted = async (core: Core, log: Log): Promise<() => Promise<void>> => {
  let worker: Worker | undefined
  const open = async (): Promise<void> => {
    worker ??= await openWorker(core)
  }
  const complain = (error: unknown): void => log.error({ err: error }, 'not working')
  try {
    await open()
  } catch (error) {
    if (!isMatrixError(error, 'conflict')) throw error
    complain(error)
  }
  if (worker !== undefined) return worker.drain
  const admission = repeat(
    async () => {
      const isNew = worker === undefined
      await open()
      if (isNew) log.info('working')
    },
    { everyMs: ADMISSION_MS, onError: complain },
  )
  return async () => {
    await admission.stop()
    await worker?.drain()
  }
}

const start = async (config: Config, log: Log, stack: ReturnType<typeof openStack>): Promise<void> => {
  const startedAt = performance.now()
  const onLost = (what: string): void => {
    log.fatal({ what }, 'engine lost, stopping')
    void stack.end(1)
  }
  const running = await startEngines({ config, log, onLost })
  stack.add('engines', running.stop)
  const admin =
    config.adminKey === undefined ? await keepAdminKey(config.dataFolder) : { value: config.adminKey, isNew: false }
  const core = await openCore({ config, engines: running.engines, name: 'matrix', log })
  stack.add('core', core.close)
  await prepare(core, admin.value)
  if (config.role === 'worker') {
    const ops = await serveOps(core)
    stack.add('ops', ops.drain)
  }
  const sweep = startSweep(core)
  stack.add('sweep', sweep.stop)
  stack.add('streams', startRelay(core).stop)
  if (config.role !== 'gateway') {
    const drain = config.role === 'all' ? await openWorkerOnceAdmitted(core, log) : (await openWorker(core)).drain
    stack.add('worker', drain)
  }
  if (config.role === 'worker') return log.info('working')

  const gateway = openGateway(core)
  const { works, metrics } = gateway
  const onStep = (kind: string, result: string) => metrics.sagaSteps.inc({ kind, result })
  const { database, tracing } = core
  const sagas = startSagas({ database, works, log, lanes: config.importLanes, onStep, tracing })
  stack.add('sagas', sagas.stop)
  const keyUse = startKeyUse(gateway.keyUse, error => log.warn({ err: error }, 'last use of keys not recorded'))
  stack.add('key use', keyUse.stop)
  const sources = startSourceWork(gateway)
  stack.add('sources', sources.stop)
  const telling = startTelling(gateway)
  stack.add('webhooks', telling.stop)
  const forgetting = startForgetting(gateway.hotBytes, error => log.error({ err: error }, 'hot bytes not forgotten'))
  stack.add('hot bytes', forgetting.stop)
  const app = createApp(gateway)
  const { postgres, s3 } = running.embedded
  const { dataFolder } = config
  const hasDemo = config.demo && postgres && (await seedOnce(app, { adminKey: admin.value, dataFolder }))
  const server = await serve(app.fetch, { ...config, lane: openWarmLane(gateway) })
  stack.add('server', server.drain)
  gateway.listeningOn(server.address)
  await running.announce(reachable(server.address))
  process.stdout.write(
    banner({
      address: server.address,
      seconds: (performance.now() - startedAt) / 1000,
      newAdminKey: admin.isNew ? admin.value : undefined,
      adminKeyFile: config.adminKey === undefined ? resolve(adminKeyPath(dataFolder)) : undefined,
      demoFolder: hasDemo ? resolve(dataFolder) : undefined,
      parts: [
        postgres ? 'embedded Postgres' : 'Postgres',
        config.redisUrl ? 'Redis' : 'queue in Postgres',
        s3 ? 'embedded S3' : 'S3',
      ],
    }),
  )
}

await launch(process.env, async config => {
  const log = openLog({ level: config.logLevel, name: 'matrix' })
  const stack = openStack(log)
  onSignal(signal => {
    log.info({ signal }, 'stopping')
    void stack.end(0)
  })
  try {
    await start(config, log, stack)
  } catch (error) {
    // Said before what was started ends, which may take its grace.
    process.stderr.write(`${describeFailure(error)}\n`)
    await stack.end(error instanceof ConfigError ? 2 : 1)
  }
})
