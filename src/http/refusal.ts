/**
 * How long a refusal of a delivery may be kept. What is not there, or gone, for seconds: enough that a page full of it does not ask
 * for each picture each time, and little enough that nobody waits long for what has come. Everything else is not kept.
 *
 * Where an `Authorization` is looked at, only by whoever asked: a cache that keys on the URL alone would otherwise give what a
 * stranger was refused to the next caller, who may see it, and a stranger could keep that up for ever.
 */
import { varyOf } from '../deliver/vary.ts'
import type { MatrixError } from '../model/errors.ts'
import type { Asked } from './context.ts'

const NEGATIVE_SECONDS = 5

export const refusalHeaders = ({ status }: MatrixError, { link }: Asked): Record<string, string> => {
  const headers: Record<string, string> = { 'Referrer-Policy': 'no-referrer' }
  if (status !== 404 && status !== 410) return headers
  const scope = link === 'path' || link === 'share' ? 'public' : 'private'
  headers['Cache-Control'] = `${scope}, max-age=${NEGATIVE_SECONDS}`
  const vary = varyOf({ accept: false, authorization: link === undefined })
  if (vary !== '') headers.Vary = vary
  return headers
}
