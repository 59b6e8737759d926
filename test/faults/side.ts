/** A second process over the engines of a system, as far as the system can tell: its own connections, gateway and app. */
import { type Core, openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { type Faults, openFailingCore } from '../support/failing.ts'
import { type CallOptions, requestOf, type System } from '../support/system.ts'

export interface Side {
  readonly core: Core
  readonly app: ReturnType<typeof createApp>
  call(method: string, path: string, options?: CallOptions): Promise<Response>
  close(): Promise<void>
}

export const openSide = async (
  { config, engines }: Pick<System, 'config' | 'engines'>,
  faults?: Faults,
): Promise<Side> => {
  const options = { config, engines, name: 'side' }
  const core = await (faults ? openFailingCore(options, faults) : openCore(options))
  const app = createApp(openGateway(core))
  return {
    core,
    app,
    call: async (method, path, given = {}) => app.request(path, requestOf(method, given)),
    close: () => core.close(),
  }
}
