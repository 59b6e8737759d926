/** Caches in front: where their URLs lead, and how they are told what to forget. */
import {
  baseUrl,
  declare,
  flag,
  identifier,
  integer,
  optional,
  text,
  token,
  url,
  urls,
  webhookSecret,
} from '../environment.ts'

export const CDN = {
  cdnBaseUrl: optional(
    'CDN_BASE_URL',
    baseUrl,
    'Where a CDN in front of this gateway answers for /i/ and /s/: resolutions give its URLs where the edge streams; by default presigned ones of the store.',
  ),
  cdnSignInPath: declare(
    'CDN_SIGN_IN_PATH',
    flag,
    '0',
    'Put the signature into the path of these URLs (/s/…/i/…) and not into the query: what shared caches keep of private edges.',
  ),
  purgeWebhookUrl: optional(
    'PURGE_WEBHOOK_URL',
    url('http:', 'https:'),
    'Called when caches in front have to forget something; the same in every process, like all of PURGE_….',
  ),
  purgeWebhookSecret: optional(
    'PURGE_WEBHOOK_SECRET',
    webhookSecret,
    'Signs these calls: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks).',
    true,
  ),
  purgeCloudflareZone: optional('PURGE_CLOUDFLARE_ZONE', identifier, 'Zone of Cloudflare that is told by cache tags.'),
  purgeCloudflareToken: optional(
    'PURGE_CLOUDFLARE_TOKEN',
    token,
    'API token of Cloudflare with the permission Cache Purge for the zone, and no other.',
    true,
  ),
  purgeCloudflareApi: declare(
    'PURGE_CLOUDFLARE_API',
    baseUrl,
    'https://api.cloudflare.com/client/v4',
    'Base of the interface of Cloudflare: for an egress proxy, and for trying things.',
  ),
  purgeFastlyService: optional('PURGE_FASTLY_SERVICE', identifier, 'Service of Fastly that is told by surrogate keys.'),
  purgeFastlyToken: optional('PURGE_FASTLY_TOKEN', token, 'API token of Fastly with the scope purge_select.', true),
  purgeFastlyApi: declare(
    'PURGE_FASTLY_API',
    baseUrl,
    'https://api.fastly.com',
    'Base of the interface of Fastly: for an egress proxy, and for trying things.',
  ),
  purgeCloudfrontDistribution: optional(
    'PURGE_CLOUDFRONT_DISTRIBUTION',
    identifier,
    'Distribution of CloudFront that gets invalidations by cache tag; it needs CacheTagConfig with the header Cache-Tag.',
  ),
  purgeCloudfrontKeyId: optional(
    'PURGE_CLOUDFRONT_KEY_ID',
    text,
    'AWS credential that may cloudfront:CreateInvalidation; by default the chain of the AWS SDK.',
  ),
  purgeCloudfrontSecret: optional('PURGE_CLOUDFRONT_SECRET', text, 'AWS credential.', true),
  purgeCloudfrontApi: declare(
    'PURGE_CLOUDFRONT_API',
    baseUrl,
    'https://cloudfront.amazonaws.com',
    'Base of the interface of CloudFront: for an egress proxy, and for trying things.',
  ),
  purgeVarnishUrls: declare(
    'PURGE_VARNISH_URLS',
    urls,
    '',
    'Varnish servers with the reference VCL, by comma; each is told by itself.',
  ),
  purgeVarnishToken: optional(
    'PURGE_VARNISH_TOKEN',
    token,
    'Secret that these servers ask for in X-Purge-Token.',
    true,
  ),
  purgeVerifyUrl: optional(
    'PURGE_VERIFY_URL',
    baseUrl,
    'Where a sample of what was purged is asked for afterwards, usually CDN_BASE_URL: one that is still there is purged again. By default nothing is asked.',
  ),
  purgeVerifySeconds: declare(
    'PURGE_VERIFY_SECONDS',
    integer(0, 3_600),
    '10',
    'How long after the purge the sample is asked for, s; CloudFront may take a minute.',
  ),
} as const

/** The first of each needs the second. */
export const CDN_PAIRS = [
  ['purgeWebhookUrl', 'purgeWebhookSecret'],
  ['purgeCloudflareZone', 'purgeCloudflareToken'],
  ['purgeFastlyService', 'purgeFastlyToken'],
  ['purgeVarnishUrls', 'purgeVarnishToken'],
  ['purgeCloudfrontKeyId', 'purgeCloudfrontSecret'],
] as const satisfies readonly (readonly [keyof typeof CDN, keyof typeof CDN])[]
