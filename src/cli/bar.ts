/** A line that fills up, with how fast and how long still; nothing where nobody looks. */
import { WriteStream } from 'node:tty'

export interface Bar {
  /** How much of it there is now. */
  at(done: number): void
  end(): void
}

const DRAW_EVERY_MS = 100
/** How much of the speed is that of the last look. */
const NEWEST = 0.2

const UNITS = ['B', 'kB', 'MB', 'GB'] as const

export const inBytes = (bytes: number): string => {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const amount = bytes / 1000 ** power
  return `${amount < 10 && power > 0 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[power]}`
}

export const inMinutes = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`

/** As it is drawn; without a speed before there is one. */
export const lineOf = (
  { label, done, total, perSecond }: { label: string; done: number; total: number; perSecond: number | undefined },
  amount: (count: number) => string,
): string => {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const bar = '#'.repeat(Math.round(share * 30)).padEnd(30, '.')
  const speed =
    perSecond === undefined || perSecond <= 0
      ? ''
      : `  ${amount(perSecond)}/s  ${inMinutes((total - done) / perSecond)} left`
  return `${label} [${bar}] ${Math.floor(share * 100)} %  ${amount(done)} of ${amount(total)}${speed}`
}

export const openBar = (
  { label, total, quiet }: { label: string; total: number; quiet: boolean },
  amount: (count: number) => string = inBytes,
): Bar => {
  const out = process.stderr
  if (quiet || !(out instanceof WriteStream)) return { at: () => undefined, end: () => undefined }
  let last: { done: number; at: number } | undefined
  let perSecond: number | undefined
  return {
    at(done) {
      const at = Date.now()
      if (last !== undefined && at - last.at < DRAW_EVERY_MS && done < total) return
      if (last !== undefined && done > last.done && at > last.at) {
        const now = ((done - last.done) * 1000) / (at - last.at)
        perSecond = perSecond === undefined ? now : NEWEST * now + (1 - NEWEST) * perSecond
      }
      last = { done, at }
      out.write(`\r\x1b[K${lineOf({ label, done, total, perSecond }, amount).slice(0, out.columns - 1)}`)
    },
    end: () => void out.write('\r\x1b[K'),
  }
}
