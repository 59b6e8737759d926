/**
 * Bytes on their way to somewhere slower, gathered in two buffers in turn: one is filled while the other is being kept. They are
 * allocated once: of chunks that live until they are written, and of a buffer for each piece, the collector makes major rounds without end.
 * Measured, 600 MB: by tus 24.6 s of CPU with a buffer for each piece and 10.3 with two, of which collecting 6.6 and 0.7.
 */
export interface TwoBuffers {
  /** Bytes that are not cut yet. */
  readonly held: () => Buffer
  readonly isFull: () => boolean
  /** Copies what there is room for, and gives the rest. */
  add(chunk: Uint8Array): Uint8Array
  /** Has the held bytes kept, after those before. Resolves as soon as those before are: from then on there is room again. */
  cut(keep: (bytes: Buffer) => Promise<unknown>): Promise<void>
  /** All that was cut has been kept; rejects with the first failure, after which nothing more is. */
  kept(): Promise<unknown>
}

const NONE = Buffer.alloc(0)

/** `size`: of a buffer, asked when one is needed first. */
export const openTwoBuffers = (size: () => number): TwoBuffers => {
  let filling = NONE
  let spare = NONE
  let bytes = 0
  let kept: Promise<unknown> = Promise.resolve()
  return {
    held: () => filling.subarray(0, bytes),
    isFull: () => bytes > 0 && bytes === filling.length,
    add(chunk) {
      if (filling.length === 0) filling = Buffer.allocUnsafeSlow(size())
      const part = chunk.subarray(0, filling.length - bytes)
      filling.set(part, bytes)
      bytes += part.length
      return chunk.subarray(part.length)
    },
    async cut(keep) {
      const full = filling.subarray(0, bytes)
      bytes = 0
      ;[filling, spare] = [spare, filling]
      const before = kept
      kept = before.then(() => keep(full))
      kept.catch(() => undefined) // awaited by whoever cuts next or asks; this only keeps an early failure from being called unhandled
      await before
    },
    kept: () => kept,
  }
}
