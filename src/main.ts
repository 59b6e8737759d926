/** The process behind `npm start`: engines that are not configured, gateway and workers, until a signal ends them in order. */
import { resolve } from 'node:path'
import { type Config, readConfig } from './config.ts'
import { adminKeyPath, productKeysPath } from './data-folder.ts'
import { banner } from './embedded/banner.ts'
import { seedOnce } from './embedded/demo.ts'
import { startEngines } from './embedded/engines.ts'
import { keepAdminKey } from './embedded/secrets.ts'
import { openCore, openGateway, openWorker, prepare } from './gateway.ts'
import { createApp } from './http/app.ts'
import { serve } from './http/serve.ts'
import { startSweep } from './reconcile/sweep.ts'
import { openLog } from './telemetry/log.ts'

const run = async (config: Config): Promise<void> => {
  const started = performance.now()
  const log = openLog({ level: config.logLevel, name: 'matrix' })
  const stack: { what: string; stop: () => Promise<void> }[] = []
  let stopping: Promise<void> | undefined

  /** Backwards, each part with its grace; a second signal ends the process at once. */
  const stop = (why: string, exitCode: number): Promise<void> => {
    stopping ??= (async () => {
      log.info({ why }, 'stopping')
      for (const { what, stop: end } of stack.reverse()) {
        await end().catch(error => log.error({ err: error, what }, 'part did not stop'))
      }
      process.exit(exitCode)
    })()
    return stopping
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1)
      void stop(signal, 0)
    })
  }

  try {
    const running = await startEngines({ config, log, onLost: what => void stop(`lost ${what}`, 1) })
    stack.push({ what: 'engines', stop: running.stop })
    const admin =
      config.adminKey === undefined ? await keepAdminKey(config.dataFolder) : { value: config.adminKey, isNew: false }
    const core = await openCore({ config, engines: running.engines, name: 'matrix', log })
    stack.push({ what: 'core', stop: core.close })
    await prepare(core, admin.value)
    const sweep = startSweep(core)
    stack.push({ what: 'sweep', stop: sweep.stop })
    if (config.role !== 'gateway') {
      const worker = await openWorker(core)
      stack.push({ what: 'worker', stop: worker.drain })
    }
    if (config.role === 'worker') return
    const gateway = openGateway(core)
    const app = createApp(gateway)
    const hasDemo =
      config.demo &&
      running.embedded.postgres &&
      (await seedOnce(app, { adminKey: admin.value, dataFolder: config.dataFolder }))
    const server = await serve(app.fetch, config)
    stack.push({ what: 'server', stop: server.drain })
    gateway.listeningOn(server.address)
    const { postgres, s3 } = running.embedded
    console.log(
      banner({
        address: server.address,
        seconds: (performance.now() - started) / 1000,
        newAdminKey: admin.isNew ? admin.value : undefined,
        adminKeyFile: adminKeyPath(config.dataFolder),
        demoKeysFile: hasDemo ? resolve(productKeysPath(config.dataFolder)) : undefined,
        parts: [
          postgres ? 'embedded Postgres' : 'Postgres',
          config.redisUrl ? 'Redis' : 'queue in Postgres',
          s3 ? 'embedded S3' : 'S3',
        ].join(', '),
      }),
    )
  } catch (error) {
    log.fatal({ err: error }, 'could not start')
    console.error(error instanceof Error ? error.message : error)
    await stop('failed start', 1)
  }
}

try {
  await run(readConfig(process.env))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(2)
}
