/** What this gateway can do to a picture, so that a client need not find out by being refused. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { ENGINE_LINE } from '../../graph/key.ts'
import { EXTENSION, FORMATS, MEDIA_TYPE, MOVING } from '../../model/recipe.ts'
import { describeOperations, type ParameterRow } from '../../ops/describe.ts'
import { OUTPUT_LIMITS } from '../../ops/limits.ts'
import { OPERATION_NAMES } from '../../ops/registry.ts'
import type { Env } from '../context.ts'
import { authenticated } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'

const Parameter = z.object({
  /** Empty where the operation's value is itself the parameter. */
  parameter: z.string(),
  values: z.string(),
  default: z.string(),
  description: z.string(),
})

const CapabilitiesSchema = z
  .object({
    engine: z.object({ line: z.string(), versions: z.object({ sharp: z.string(), libvips: z.string() }) }),
    input: z.object({
      formats: z.array(z.string()),
      limits: z.object({
        bytes: z.number().int(),
        side: z.number().int(),
        pixels: z.number().int(),
        frames: z.number().int(),
        pixels_of_all_frames: z.number().int(),
      }),
    }),
    output: z.array(
      z.object({
        format: z.enum(FORMATS),
        media_type: z.string(),
        extension: z.string(),
        /** Keeps a picture moving. */
        animated: z.boolean(),
        limits: z.object({ bytes: z.number().int(), side: z.number().int(), pixels: z.number().int() }),
        parameters: z.array(Parameter),
      }),
    ),
    operations: z.array(z.object({ operation: z.string(), parameters: z.array(Parameter) })),
  })
  .openapi('Capabilities')

const rows: readonly ParameterRow[] = describeOperations()
const parametersOf = (name: string) =>
  rows.filter(({ operation }) => operation === name).map(({ operation: _, ...parameter }) => parameter)

export const capabilityRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  app.openapi(
    createRoute({
      tags: ['Operate'],
      security,
      method: 'get',
      path: '/v1/capabilities',
      middleware: [authenticated(gateway.findPrincipal)],
      summary: 'Formats, operations and limits of this gateway',
      responses: { 200: json(CapabilitiesSchema, 'What it can do'), ...refusals('unauthenticated') },
    }),
    async c => {
      const { reads, writes, versions } = await gateway.engineCapabilities
      const { maxBytes, maxSide, maxPixels, maxFrames, maxTotalPixels } = gateway.inputLimits
      const limits = {
        bytes: maxBytes,
        side: maxSide,
        pixels: maxPixels,
        frames: maxFrames,
        pixels_of_all_frames: maxTotalPixels,
      }
      return c.json(
        {
          engine: { line: ENGINE_LINE, versions },
          input: { formats: [...reads], limits },
          output: writes.map(format => ({
            format,
            media_type: MEDIA_TYPE[format],
            extension: EXTENSION[format],
            animated: MOVING.includes(format),
            limits: OUTPUT_LIMITS[format],
            parameters: parametersOf(format),
          })),
          operations: OPERATION_NAMES.map(operation => ({ operation, parameters: parametersOf(operation) })),
        },
        200,
      )
    },
  )
}
