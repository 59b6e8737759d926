import { isListed } from '../model/browser-rules.ts'
import type { Info } from '../resolve/info.ts'
import type { OriginalAnswer, Ready } from '../resolve/resolve.ts'
import type { Link } from './link.ts'

/** How an answer is to leave, as the caller or the edge has it. */
export const DELIVERY_MODES = ['json', 'redirect', 'stream'] as const
/** `accel`: of edges alone, and only to the front itself (accel.ts). */
export type Mode = (typeof DELIVERY_MODES)[number] | 'accel'

export interface Presentation {
  readonly mode: Mode
  readonly pinned: boolean
  /** File name of a download, where the caller asked for one. */
  readonly download: string | undefined
  /** Where the URL itself says that it may be asked for, if it does. */
  readonly link: Link['place'] | undefined
  /** Nobody is answered without a credential, even where an edge is public. */
  readonly needsCredential: boolean
  /** Whether this is a document or a redirect was chosen by `Accept`. */
  readonly modeNegotiated: boolean
  /** Whose page asks, as its browser says. */
  readonly origin: string | undefined
}

/** What answers differ by beside their URL. */
export const dependsOf = (
  answer: Ready | OriginalAnswer | Info,
  { link, needsCredential, modeNegotiated }: Pick<Presentation, 'link' | 'needsCredential' | 'modeNegotiated'>,
) => ({
  accept: modeNegotiated || (answer.kind === 'ready' && answer.negotiated),
  authorization:
    link === undefined && (needsCredential || answer.kind === 'original' || answer.visibility !== 'public'),
  origin: isListed(answer.browser),
  hints: answer.kind === 'ready' && answer.hinted,
  density: answer.kind === 'ready' && answer.density !== undefined,
})
