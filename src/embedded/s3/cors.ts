/** Any origin may use a presigned URL: the signature is the permission, and no cookie is ever read. */
import type { IncomingMessage, ServerResponse } from 'node:http'

const EXPOSED = 'ETag, Content-Length, Content-Range, Content-Disposition, Accept-Ranges, Last-Modified'

/** `true`: it was a preflight, and has been answered. */
export const handleCors = (incoming: IncomingMessage, outgoing: ServerResponse): boolean => {
  if (incoming.headers.origin === undefined) return false
  outgoing.setHeader('access-control-allow-origin', '*')
  outgoing.setHeader('access-control-expose-headers', EXPOSED)
  if (incoming.method !== 'OPTIONS') return false
  const wanted = incoming.headers['access-control-request-headers']
  outgoing.writeHead(200, {
    'access-control-allow-methods': 'GET, HEAD, PUT',
    'access-control-max-age': '3600',
    'content-length': '0',
    ...(wanted === undefined ? {} : { 'access-control-allow-headers': wanted }),
  })
  outgoing.end()
  return true
}
