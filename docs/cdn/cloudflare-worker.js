/**
 * Asset Matrix behind Cloudflare: a Worker in front of the gateway, whose address is the variable GATEWAY.
 *
 * Cloudflare does not look at `Vary: Accept`: the key has the kind of Accept, one of three. What is the caller's own (a credential,
 * a query) goes through; what is public is kept for as long as it says, with its `Cache-Tag`, and purged by that.
 */
const named = type => new RegExp(`(?:^|,)\\s*${type}\\s*(?![^,]*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))(?:;[^,]*)?(?:,|$)`, 'i')
const AVIF = named('image/avif')
const WEBP = named('image/webp')
const ACCEPT = { avif: 'image/avif,image/webp,*/*', webp: 'image/webp,*/*', other: '*/*' }

const kindOf = accept => (AVIF.test(accept) ? 'avif' : WEBP.test(accept) ? 'webp' : 'other')

/** Of the headers of a client what the gateway looks at; conditions and ranges are answered from the whole. */
const headersFor = (request, { kind, isOwn }) => {
  const headers = new Headers(isOwn ? request.headers : undefined)
  for (const name of ['Cookie', 'Matrix-Front', 'Accept']) headers.delete(name)
  if (kind !== undefined) headers.set('Accept', ACCEPT[kind])
  const address = request.headers.get('CF-Connecting-IP')
  if (address !== null) headers.set('X-Forwarded-For', address)
  return headers
}

const isKept = ({ status, headers }) =>
  [200, 404, 410].includes(status) && /(?:^|[\s,])public(?:$|[\s,])/.test(headers.get('Cache-Control') ?? '')

export default {
  async fetch(request, env, context) {
    const { pathname, search } = new URL(request.url)
    if (!['GET', 'HEAD'].includes(request.method)) return new Response(null, { status: 405 })
    if (!/^\/(?:i|s|share)\//.test(pathname)) return new Response(null, { status: 404 })
    const kind = /\.auto(?:\/|$)/.test(pathname) ? kindOf(request.headers.get('Accept') ?? '') : undefined
    const isOwn = request.headers.has('Authorization') || search !== ''
    const target = new URL(pathname + search, env.GATEWAY)
    const headers = headersFor(request, { kind, isOwn })
    if (isOwn) return fetch(target, { method: request.method, headers, redirect: 'manual' })

    const key = new URL(`${pathname}?accept=${kind ?? ''}`, request.url).href
    // It answers conditions and ranges of the caller from what it has.
    const found = await caches.default.match(new Request(key, { headers: request.headers }))
    const answer = found ?? (await fetch(target, { headers, redirect: 'manual' }))
    if (found === undefined && isKept(answer)) context.waitUntil(caches.default.put(key, answer.clone()))
    return request.method === 'HEAD' ? new Response(null, answer) : answer
  },
}
