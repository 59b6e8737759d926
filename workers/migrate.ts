/** Makes the engines usable and ends: the job that runs before a deployment. */
import { configuredEngines } from '../src/engines.ts'
import { openCore } from '../src/gateway.ts'
import { launch } from '../src/launch.ts'
import { prepare } from '../src/prepare.ts'

await launch(process.env, async config => {
  const core = await openCore({ config, engines: configuredEngines(config), name: 'migrate' })
  await prepare(core, config.adminKey)
  core.log.info('ready')
  await core.close()
})
