/** The streams that events go to, by what they are about. */
export const STREAMS = ['assets', 'renditions', 'contracts', 'system'] as const
export type StreamName = (typeof STREAMS)[number]

/** The braces keep them in one slot of a cluster. */
export const streamKey = (stream: StreamName): string => `{matrix}:events:${stream}`

/** An event as an entry of a stream; its id there is `<seq>-0`. */
export interface StreamEntry {
  readonly seq: number
  readonly id: string
  /** `undefined`: older than its stream is kept, so that it has its number and no entry. */
  readonly stream: StreamName | undefined
  /** The envelope, as JSON, in the first major of its type. */
  readonly body: string
  /** And in each of the later ones. */
  readonly later: readonly { readonly major: number; readonly body: string }[]
  readonly type: string
  readonly subject: string
  readonly partitionKey: string
}
