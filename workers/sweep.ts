/** Housekeeping as a process of its own: numbers events, expires reservations, advances what was left behind. One is enough, several do no harm. */
import { configuredEngines } from '../src/engines.ts'
import { startRelay } from '../src/events/start-relay.ts'
import { openCore } from '../src/gateway.ts'
import { serveOps } from '../src/http/ops.ts'
import { launch } from '../src/launch.ts'
import { startSweep } from '../src/reconcile/sweep.ts'
import { untilSignal } from '../src/signals.ts'

await launch(process.env, async config => {
  const core = await openCore({ config, engines: configuredEngines(config), name: 'sweep' })
  const ops = await serveOps(core)
  const relay = startRelay(core)
  const sweep = startSweep(core)
  core.log.info('sweeping')
  await untilSignal()
  await sweep.stop()
  await relay.stop()
  await ops.drain()
  await core.close()
})
