/**
 * Asset Matrix behind CloudFront: a function of the viewer request (CloudFront Functions, runtime 2.0).
 *
 * Any Accept becomes one of three, so that a negotiated path has at most three copies; elsewhere it is removed. Cache policy of the
 * behaviours for /i/*, /s/* and /share/*: minimum TTL 0 (above that CloudFront keeps what is private, too), the headers Accept and
 * Authorization and all query strings in the key.
 */
const NAMED = type => new RegExp(`(?:^|,)\\s*${type}\\s*(?![^,]*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))(?:;[^,]*)?(?:,|$)`, 'i')
const AVIF = NAMED('image/avif')
const WEBP = NAMED('image/webp')

function fold(accept) {
  if (AVIF.test(accept)) return 'image/avif,image/webp,*/*'
  return WEBP.test(accept) ? 'image/webp,*/*' : '*/*'
}

// biome-ignore lint/correctness/noUnusedVariables: CloudFront calls it by this name.
function handler(event) {
  const request = event.request
  const headers = request.headers
  const accept = headers.accept
  // What only a front of the gateway says.
  delete headers['matrix-front']
  delete headers.accept
  if (/\.auto(?:\/|$)/.test(request.uri)) {
    const lines = accept?.multiValue ?? (accept ? [accept] : [])
    headers.accept = { value: fold(lines.map(line => line.value).join(',')) }
  }
  return request
}
