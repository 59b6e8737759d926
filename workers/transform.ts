/** A transform worker as a process of its own: as many as there are cores, against one Postgres, queue and object store. */
import { configuredEngines } from '../src/engines.ts'
import { openCore } from '../src/gateway.ts'
import { serveOps } from '../src/http/ops.ts'
import { launch } from '../src/launch.ts'
import { untilSignal } from '../src/signals.ts'
import { openWorker } from '../src/worker.ts'

await launch(process.env, async config => {
  const core = await openCore({ config, engines: configuredEngines(config), name: 'transform' })
  const ops = await serveOps(core)
  const worker = await openWorker(core)
  core.log.info('working')
  await untilSignal()
  await worker.drain()
  await ops.drain()
  await core.close()
})
