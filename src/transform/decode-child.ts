/**
 * The process that decodes, and may die of it: entry file, started by decode-process.ts. One order at a time.
 *
 * - It watches its own memory and kills itself past the limit; the kernel's killer would choose a victim of its own.
 * - It kills itself when the parent is gone: nobody would take its results.
 */
import sharp from 'sharp'
import { confineDecoders } from './confine.ts'
import type { ChildSettings, Order, Report } from './decode-protocol.ts'
import { runChains } from './run-chain.ts'

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
process.on('message', (order: Order) => {
  runChains(order, send).then(
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
  if (process.memoryUsage.rss() > memoryBytes) send({ kind: 'memory-exceeded' }, die)
}, WATCH_MS)
