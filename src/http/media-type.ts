/** What a Content-Type says, read in one way everywhere. */
import { refuse } from '../model/errors.ts'
import type { MatrixContext } from './context.ts'

/** Type and subtype without parameters, in small letters (RFC 9110 section 8.3.1). */
export const essenceOf = (contentType: string): string => contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''

/** RFC 8259 and RFC 6839. The framework reads the bodies of exactly these: what it would leave unread must not pass. */
export const isJson = (contentType: string): boolean => /^application\/(?:[\w.-]+\+)?json$/.test(essenceOf(contentType))

/** Bytes are taken as they are, never unpacked: what they unpack to is bounded by nothing. */
export const refuseEncoded = (c: MatrixContext): void => {
  const encoding = c.req.header('content-encoding')?.trim().toLowerCase()
  if (encoding === undefined || encoding === '' || encoding === 'identity') return
  throw refuse('unsupported-media', 'Send the body as it is, without a Content-Encoding.')
}
