/** A transform worker as a process of its own: as many as there are cores, against one Postgres, queue and object store. */
import { readConfig } from '../src/config.ts'
import { configuredEngines } from '../src/engines.ts'
import { openCore, openWorker } from '../src/gateway.ts'
import { untilSignal } from '../src/signals.ts'

const config = readConfig(process.env)
const core = await openCore({ config, engines: configuredEngines(config), name: 'transform' })
const worker = await openWorker(core)
core.log.info('working')
await untilSignal()
await worker.drain()
await core.close()
