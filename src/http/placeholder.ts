/** What a page shows while the picture is on its way. */
import { z } from '@hono/zod-openapi'

export const PlaceholderSchema = z
  .object({
    thumbhash: z.string().openapi({ description: 'ThumbHash of the original, base64: about 25 bytes' }),
    colour: z.string().openapi({ description: 'The colour that most of it has, `#rrggbb`', example: '#4a6b8c' }),
  })
  .openapi('Placeholder', { description: 'Of the original; absent until it has been made, soon after the upload' })
