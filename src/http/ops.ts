/** The port of a process that serves nobody else: health, readiness and metrics of a worker, where it is told to listen. */
import { OpenAPIHono } from '@hono/zod-openapi'
import { ConfigError } from '../config.ts'
import type { Core } from '../gateway.ts'
import { refuse } from '../model/errors.ts'
import { openReadiness } from '../reconcile/readiness.ts'
import type { Env, MatrixContext } from './context.ts'
import { request } from './middleware/request.ts'
import { asMatrixError, problemResponse } from './problem.ts'
import { healthRoutes } from './routes/health.ts'
import { type Listening, serve } from './serve.ts'

export const createOpsApp = (core: Core): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  app.use(request(core))
  healthRoutes(app, { ...core, readiness: openReadiness(core) })
  const answer = (c: MatrixContext, error: unknown): Response => {
    const base = core.config.publicUrl ?? new URL(c.req.url).origin
    return problemResponse(asMatrixError(error), { base, requestId: c.get('requestId') })
  }
  app.notFound(c => answer(c, refuse('not-found', 'There is no such route.')))
  app.onError((error, c) => {
    core.log.error({ err: error }, 'request failed')
    return answer(c, error)
  })
  return app
}

/** Nothing happens where OPS_PORT is not set. Throws a `ConfigError` where it cannot be listened on. */
export const serveOps = async (core: Core): Promise<Pick<Listening, 'drain'> & { readonly address?: string }> => {
  const { host, opsPort: port, drainMs } = core.config
  if (port === undefined) return { drain: async () => undefined }
  const server = await serve(createOpsApp(core).fetch, { host, port, drainMs }).catch(error => {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigError(`OPS_PORT: port ${port} of ${host} cannot be listened on (${code}).`, { cause: error })
  })
  core.log.info({ address: server.address }, 'health and metrics')
  return server
}
