/** Who looks into originals for malware: the port. */
import type { Readable } from 'node:stream'
import type { Verdict } from '../model/scan.ts'

export interface Scanned {
  readonly bytes: number
  readonly mediaType: string
  /** `sha256:<hex>` */
  readonly digest: string
  /** Starts at the first byte. */
  readonly open: () => Promise<Readable>
}

export interface Scanner {
  /** Without credentials: it is shown. */
  readonly name: string
  /** Rejects where it cannot tell, which is never taken for clean. */
  scan(object: Scanned): Promise<Verdict>
  /** It has failed too often and is left alone: nothing is to be taken up for it. */
  readonly isLeftAlone?: () => boolean
}
