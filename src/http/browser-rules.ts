/** What a product lets browsers do, as it is written and shown. */
import { z } from '@hono/zod-openapi'
import { ANY_ORIGIN, type BrowserRules, isOrigin } from '../model/browser-rules.ts'

const MOST = 20

const Origin = z
  .string()
  .max(255)
  .refine(text => text === ANY_ORIGIN || isOrigin(text), 'Expected an origin such as https://shop.example, or *')

export const BrowserFields = {
  origins: z
    .array(Origin)
    .max(MOST)
    .refine(origins => !origins.includes(ANY_ORIGIN) || origins.length === 1, 'Expected * alone, or origins')
    .refine(origins => new Set(origins).size === origins.length, 'Expected each origin once')
    .optional()
    .openapi({
      description:
        'Whose pages may read and time answers of the product (CORS): origins, or `["*"]`; nobody\'s where nothing is said',
      example: ['https://shop.example'],
    }),
  client_hints: z.boolean().optional().openapi({
    description:
      'Delivery paths with `auto` heed what browsers say of the line and the screen: with `Save-Data: on`, the fewest bytes; with `Sec-CH-DPR` or `DPR`, a variant for the screen',
  }),
}

interface Given {
  readonly origins?: readonly string[] | undefined
  readonly client_hints?: boolean | undefined
}

export const browserRulesOf = ({ origins = [], client_hints: clientHints = false }: Given): BrowserRules => ({
  origins,
  clientHints,
})

/** Without what says nothing: equal rules have one ETag. */
export const presentBrowserRules = ({ origins, clientHints }: BrowserRules) => ({
  ...(origins.length > 0 && { origins: [...origins] }),
  ...(clientHints && { client_hints: true }),
})
