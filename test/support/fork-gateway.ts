/** A gateway and (but for `ROLE=gateway`) a worker in one process, as `npm start` has them, over engines of the environment; tells its address. */
import { readConfig } from '../../src/config.ts'
import { configuredEngines } from '../../src/engines.ts'
import { startTelling } from '../../src/events/start-telling.ts'
import { openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { serve } from '../../src/http/serve.ts'
import { startSourceWork } from '../../src/ingest/start-source-work.ts'
import { startSagas } from '../../src/reconcile/saga.ts'
import { openWorker } from '../../src/worker.ts'

const config = readConfig({ ...process.env, PORT: '0' }, { cores: 2, terminal: false })
const core = await openCore({ config, engines: configuredEngines(config), name: 'forked' })
if (config.role !== 'gateway') await openWorker(core)
const gateway = openGateway(core)
const { address } = await serve(createApp(gateway).fetch, config)
startSourceWork(gateway)
startTelling(gateway)
startSagas({ ...gateway, lanes: config.importLanes, onStep: () => undefined })
process.send?.(address)
process.on('disconnect', () => process.exit())
