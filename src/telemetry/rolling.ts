/**
 * Percentiles of the last minutes, at a tenth of a microsecond a sample and 15 KB a series: counts in logarithmic buckets, in slots of
 * half a minute, of which the oldest is forgotten. A percentile is the upper end of its bucket, at most 9 % too high.
 */
const SLOTS = 10
const SLOT_MS = 30_000
const STEPS_PER_OCTAVE = 8
const LEAST_MS = 0.01
/** Up to 160 s. */
const BUCKETS = 24 * STEPS_PER_OCTAVE

export const WINDOW_SECONDS = (SLOTS * SLOT_MS) / 1000

export interface Percentiles {
  readonly count: number
  /** Seconds; `undefined` without a sample. */
  at(share: number): number | undefined
}

export interface Rolling {
  add(ms: number, now: number): void
  read(now: number): Percentiles
}

const bucketOf = (ms: number): number =>
  ms <= LEAST_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log2(ms / LEAST_MS) * STEPS_PER_OCTAVE))
const secondsOf = (bucket: number): number => (LEAST_MS * 2 ** (bucket / STEPS_PER_OCTAVE)) / 1000

export const openRolling = (): Rolling => {
  const slots = Array.from({ length: SLOTS }, () => ({ number: -1, counts: new Uint32Array(BUCKETS) }))

  return {
    add(ms, now) {
      const number = Math.floor(now / SLOT_MS)
      const slot = slots[number % SLOTS] as (typeof slots)[number]
      if (slot.number !== number) {
        slot.number = number
        slot.counts.fill(0)
      }
      const bucket = bucketOf(ms)
      slot.counts[bucket] = (slot.counts[bucket] ?? 0) + 1
    },
    read(now) {
      const oldest = Math.floor(now / SLOT_MS) - SLOTS
      const counts = new Float64Array(BUCKETS)
      for (const slot of slots) {
        if (slot.number <= oldest) continue
        for (let bucket = 0; bucket < BUCKETS; bucket++)
          counts[bucket] = (counts[bucket] ?? 0) + (slot.counts[bucket] ?? 0)
      }
      const count = counts.reduce((sum, each) => sum + each, 0)
      return {
        count,
        at(share) {
          if (count === 0) return undefined
          let below = 0
          const bucket = counts.findIndex(each => {
            below += each
            return below >= share * count
          })
          return secondsOf(bucket)
        },
      }
    },
  }
}
