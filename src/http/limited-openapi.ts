/** What every limited route may answer, written into the document once: 429, and the headers that tell how a caller stands. */
import { ERROR_CATALOGUE } from '../model/errors.ts'
import { rateClassOf } from './rate-class.ts'

interface Answer {
  description: string
  headers?: Record<string, unknown>
}
interface Operation {
  responses?: Record<string, Answer>
}

const text = (description: string, example: string) => ({ description, schema: { type: 'string', example } })

const DRAFT = 'draft-ietf-httpapi-ratelimit-headers-11, which is a draft'
const STANDING = {
  'RateLimit-Policy': text(`The limits of this class of requests, by ${DRAFT}`, '"resolve";q=6000;w=60'),
  RateLimit: text('What is left of the nearest one, and for how many seconds', '"resolve";r=5998;t=41'),
}
const RETRY_AFTER = { 'Retry-After': { description: 'Seconds', schema: { type: 'integer' } } }
const REFUSAL: Answer = {
  description: 'rate-limited',
  headers: { ...RETRY_AFTER, ...STANDING },
}
const { status } = ERROR_CATALOGUE['rate-limited']

const METHODS = ['get', 'put', 'post', 'patch', 'delete'] as const

/** Changes the document that it is given, and gives it back. */
export const describeLimits = <T extends { paths?: object }>(document: T): T => {
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  for (const [path, item] of Object.entries((document.paths ?? {}) as Record<string, Record<string, Operation>>)) {
    for (const method of METHODS) {
      const responses = item[method]?.responses
      if (responses === undefined || rateClassOf(method.toUpperCase(), path) === undefined) continue
      const known = responses[status]
      const refusal = { ...REFUSAL, content: problem, ...known, headers: { ...REFUSAL.headers, ...known?.headers } }
      responses[status] = refusal
      for (const [code, answer] of Object.entries(responses))
        if (code.startsWith('2') || code === '302' || code === '304')
          answer.headers = { ...answer.headers, ...STANDING }
    }
  }
  return document
}
