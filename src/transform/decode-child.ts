/**
 * The process that decodes, and may die of it: entry file, started by decode-process.ts. One order at a time.
 *
 * - It watches its own memory and CPU and kills itself past the limit; the kernel's killer would choose a victim of its own.
 * - It kills itself when the parent is gone: nobody would take its results.
 */
import { readSync } from 'node:fs'
import sharp from 'sharp'
import { isComparison, runComparison } from './compare.ts'
import { confineDecoders } from './confine.ts'
import { type Announcement, type ChildSettings, type Report, SCRATCH_FD } from './decode-protocol.ts'
import { runChains } from './run-chain.ts'
import { openSeconds } from './seconds.ts'

const WATCH_MS = 50
const { memoryBytes } = JSON.parse(process.argv[2] ?? '{}') as ChildSettings

const die = (): void => void process.kill(process.pid, 'SIGKILL')
const send = (report: Report, sent?: () => void): void => void process.send?.(report, undefined, undefined, sent)

confineDecoders()
// One thread for each process: the pool is as wide as the machine, and throughput is best so. No cache: nothing comes twice.
sharp.concurrency(1)
sharp.cache(false)

process.on('disconnect', die)
// A report that nobody takes any more: the channel broke, and `disconnect` is yet to come.
process.on('error', die)

/** Copied out of the file: a decoder that maps it would read what the next order writes there. */
const readOriginal = (bytes: number): Buffer => {
  const original = Buffer.allocUnsafeSlow(bytes)
  for (let at = 0; at < bytes; ) {
    const read = readSync(SCRATCH_FD, original, at, bytes - at, at)
    if (read === 0) throw new Error(`Expected ${bytes} bytes of an original but received ${at}`)
    at += read
  }
  return original
}

/** Of CPU: a process that runs in the background waits much and may take its time. */
const spentMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const seconds = openSeconds()
let cpuEndMs = Number.POSITIVE_INFINITY

const run = async ({ original, ...order }: Announcement): Promise<void> => {
  cpuEndMs = spentMs() + order.cpuMs
  const whole = { ...order, original: typeof original === 'number' ? readOriginal(original) : original }
  await (isComparison(whole) ? runComparison(whole, send) : runChains(whole, send, seconds))
  cpuEndMs = Number.POSITIVE_INFINITY
}

process.on('message', (announcement: Announcement) => {
  run(announcement).then(
    () => send({ kind: 'finished' }),
    // A mistake of ours, not of the image; the pool sees a death and replaces the process.
    error => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, die)
    },
  )
})

setInterval(() => {
  // The parent may have gone before anyone listened for it.
  if (!process.connected) die()
  if (process.memoryUsage.rss() > memoryBytes) send({ kind: 'exceeded', code: 'memory-exceeded' }, die)
  else if (spentMs() > cpuEndMs) send({ kind: 'exceeded', code: 'timed-out' }, die)
}, WATCH_MS)
