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
  readonly link?: Link['place'] | undefined
}
