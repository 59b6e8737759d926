/** Makes the engines usable and ends: the job that runs before a deployment. */
import { readConfig } from '../src/config.ts'
import { configuredEngines } from '../src/engines.ts'
import { openCore, prepare } from '../src/gateway.ts'

const config = readConfig(process.env)
const core = await openCore({ config, engines: configuredEngines(config), name: 'migrate' })
await prepare(core, config.adminKey)
core.log.info('ready')
await core.close()
