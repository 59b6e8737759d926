/** What passes between a decode pool and its processes. */
import type { Hex } from '../model/ids.ts'
import type { Step } from '../model/recipe.ts'

export interface DecodeTask {
  readonly id: string
  readonly chain: readonly Step[]
  /** Encoded after all that are not, from pixels that are kept until then: nobody waits for it as they do for the others. */
  readonly deferred?: boolean
}

export interface Rendered {
  readonly id: string
  readonly bytes: Buffer
  readonly sha256: Hex
  readonly width: number
  readonly height: number
  /** What this task cost; shared work is charged to the first that needed it, so that the sum is what was spent. */
  readonly cpuMs: number
  /** What the whole chain would have cost without siblings. */
  readonly aloneCpuMs: number
}

export type TaskFailure =
  | 'corrupt-media'
  | 'decoder-crashed'
  | 'timed-out'
  | 'memory-exceeded'
  /** As a plan refuses them, found where only the pixels told the size. */
  | 'output-too-large'
  | 'crop-outside'
  /** What was to be laid on the picture cannot be read. */
  | 'second-unreadable'
  | 'cancelled'

/** What the next try may bring: another process may be luckier, another decoder of the same bytes is not. */
export const IS_RETRYABLE = {
  'corrupt-media': false,
  'decoder-crashed': true,
  'timed-out': true,
  'memory-exceeded': true,
  'output-too-large': false,
  'crop-outside': false,
  'second-unreadable': false,
  cancelled: true,
} as const satisfies Record<TaskFailure, boolean>

export interface Order {
  readonly original: Uint8Array
  /** Other files that are laid on it or compared with it, by their SHA-256. */
  readonly seconds?: Readonly<Record<Hex, Uint8Array>>
  /** What the header announced when it was probed; a decoder that finds more stops. */
  readonly maxPixels: number
  readonly softMs: number
  /** That all tasks together may take; a process that uses more kills itself. */
  readonly cpuMs: number
  readonly tasks: readonly DecodeTask[]
}

/**
 * What is sent of an order. The original lies in the file that both hold open: within the message a serialiser would copy it at
 * either end and a socket pass it in pieces, 1.6 ms a MB against 0.4 on an idle machine and ten times that on a busy one.
 */
export interface Announcement extends Omit<Order, 'original'> {
  /** A number of bytes: in the file. */
  readonly original: Uint8Array | number
}

/** The descriptor of that file in the process. */
export const SCRATCH_FD = 4

export type Report =
  /** A step begins that these tasks need: whoever reads this knows whom to blame if nothing follows. */
  | { readonly kind: 'started'; readonly ids: readonly string[] }
  | { readonly kind: 'done'; readonly result: Rendered }
  | { readonly kind: 'failed'; readonly ids: readonly string[]; readonly code: TaskFailure }
  /** Sent before the process kills itself. */
  | { readonly kind: 'exceeded'; readonly code: 'memory-exceeded' | 'timed-out' }
  | { readonly kind: 'finished' }

/** Given on the command line of the process. */
export interface ChildSettings {
  readonly memoryBytes: number
}
