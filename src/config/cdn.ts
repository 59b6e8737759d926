/** A cache in front that product teams' URLs lead to. */
import { baseUrl, declare, flag, optional } from '../environment.ts'

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
} as const
