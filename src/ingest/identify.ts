/**
 * What are these bytes? Their own first bytes decide, not their name and not what the sender says; a claim that the content
 * does not bear out is refused, so that nobody downstream believes it. The decoder has the last word on images (a polyglot is
 * what its header decodes to, and is re-encoded before anyone sees a derivative).
 */
import { fileTypeFromBuffer, supportedMimeTypes } from 'file-type'
import { refuse } from '../model/errors.ts'
import { type ImageFacts, SOURCE_FORMATS, type SourceFormat } from '../model/original.ts'
import type { Blocks } from '../model/reading.ts'
import type { InputLimits } from '../transform/limits.ts'
import { probeHeader } from '../transform/probe.ts'
import type { Received } from './receive.ts'

const MEDIA_TYPE_OF: Readonly<Record<SourceFormat, string>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  avif: 'image/avif',
  gif: 'image/gif',
  tiff: 'image/tiff',
}
const TRANSFORMABLE = new Set<string>(SOURCE_FORMATS.map(format => MEDIA_TYPE_OF[format]))

/** What clients send when they say nothing: no claim. */
const NO_CLAIM = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'application/x-www-form-urlencoded'])
const ALIASES: Readonly<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/x-png': 'image/png',
  'image/apng': 'image/png',
  'image/tif': 'image/tiff',
  'application/x-pdf': 'application/pdf',
  'application/x-zip-compressed': 'application/zip',
  'application/x-gzip': 'application/gzip',
}
/** Begin as they like: text, or frames behind a tag of any length. Not to be recognised proves nothing about these. */
const WITHOUT_MAGIC = new Set([
  'application/xml',
  'application/x-ms-regedit',
  'audio/mpeg',
  'audio/aac',
  'video/mpeg',
  'video/mp2t',
  'model/stl',
])
/** Types whose every file begins in a way that we know. */
const WITH_MAGIC: ReadonlySet<string> = new Set(
  [...supportedMimeTypes].filter(type => !type.startsWith('text/') && !WITHOUT_MAGIC.has(type)),
)
const HEAD_BYTES = 64 * 1024
const MEDIA_TYPE_PATTERN = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$/

export interface Identity {
  readonly mediaType: string
  /** `undefined` for what is stored and resolved as an original only. */
  readonly image: ImageFacts | undefined
  /** What an image says of itself. */
  readonly blocks?: Blocks | undefined
}

/** What a sender says that it is, if it says anything. Throws `unsupported-media` for what is not taken, whatever comes. */
export const claimOf = (header: string | undefined): string | undefined => {
  const essence = (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (NO_CLAIM.has(essence)) return undefined
  if (!MEDIA_TYPE_PATTERN.test(essence)) throw refuse('unsupported-media', 'The Content-Type is not a media type.')
  const claim = ALIASES[essence] ?? essence
  if (claim === 'image/svg+xml') throw noSvg()
  return claim
}

const noSvg = () => refuse('unsupported-media', 'SVG is not accepted.')

const SVG_ELEMENT = /<(?:[\w.-]+:)?svg[\s/>]/i

/**
 * SVG is a program: it is not taken in, whatever it calls itself. Zero bytes and marks are left out, so that UTF-16 reads like
 * UTF-8. A prolog that keeps the root out of sight is taken to do so on purpose.
 */
export const looksLikeSvg = (head: Uint8Array): boolean => {
  const text = Buffer.from(head)
    .toString('latin1')
    .replaceAll('\0', '')
    .replace(/^[\xef\xbb\xbf\xfe\xff]+/, '')
  if (!/^\s*<(?:[!?]|(?:[\w.-]+:)?svg[\s/>])/i.test(text)) return false
  if (SVG_ELEMENT.test(text)) return true
  if (head.length < HEAD_BYTES || /^\s*<\?(?:php|=)/i.test(text)) return false
  const shown = text.replace(/<!--[\s\S]*?(?:-->|$)/g, '').replace(/<\?[\s\S]*?(?:\?>|$)/g, '')
  return !/<[a-z]/i.test(shown) || /<!doctype[^>]*\[/i.test(shown)
}

/** Throws `unsupported-media`, `content-mismatch`, `corrupt-media` or `decompression-bomb`. */
export const identify = async (
  received: Received,
  claimed: string | undefined,
  limits: InputLimits,
): Promise<Identity> => {
  const claim = claimOf(claimed)
  if (received.bytes === 0) throw refuse('upload-incomplete', 'The body is empty.')
  const head = await received.head(HEAD_BYTES)
  if (looksLikeSvg(head)) throw noSvg()
  const sniffed = await sniff(head)
  const found = ALIASES[sniffed ?? ''] ?? sniffed
  const isImage = found !== undefined && TRANSFORMABLE.has(found)
  // What is known to be one thing is that, whatever else it is said to be (a document may be seen as the ZIP that it is). Of what
  // is not known a claim is believed, unless it names a type that would have been.
  const isBelied = isImage || claim?.startsWith('image/') || (found === undefined && WITH_MAGIC.has(claim ?? ''))
  if (claim !== undefined && claim !== found && isBelied) {
    throw refuse('content-mismatch', `The content is not ${claim}.`, {
      violations: [
        {
          pointer: 'Content-Type',
          rule: 'media-type',
          message: found ? `The content is ${found}.` : 'The content is of no known type.',
        },
      ],
    })
  }
  if (isImage) {
    const { image, blocks } = await probeHeader(received.path, received.bytes, limits)
    return { mediaType: MEDIA_TYPE_OF[image.format], image, blocks }
  }
  return { mediaType: found ?? claim ?? 'application/octet-stream', image: undefined }
}

/** Readers of PDF take one that begins within the first kilobyte (ISO 32000-1, annex H, note 13). */
const sniff = async (head: Uint8Array): Promise<string | undefined> =>
  (await fileTypeFromBuffer(head))?.mime ??
  (Buffer.from(head.subarray(0, 1024)).includes('%PDF-') ? 'application/pdf' : undefined)
