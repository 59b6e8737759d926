/**
 * Multipart uploads that nobody will complete: their clients are gone, and their parts would stay for ever. One that has
 * received nothing for a day counts as abandoned, as does what a crash left of one.
 *
 * It leaves `uploads` in one step, so that a request finds either all of it or `NoSuchUpload`. A crash after the step leaves it in
 * `tmp`, which is emptied at start.
 */
import { randomUUID } from 'node:crypto'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disk } from './disk.ts'
import { systemCode } from './errors.ts'

export const ABANDONED_MS = 24 * 3_600_000
const EVERY_MS = 3_600_000

/** Resolves with how many uploads went. */
export const collectAbandoned = async (disk: Disk, now: number): Promise<number> => {
  let collected = 0
  for (const id of await readdir(disk.uploads)) {
    const folder = join(disk.uploads, id)
    try {
      // A part that arrives, or a completion that begins, touches the folder.
      if (now - (await stat(folder)).mtimeMs < ABANDONED_MS) continue
      const gone = join(disk.tmp, randomUUID())
      await rename(folder, gone)
      disk.forget(folder)
      await rm(gone, { recursive: true, force: true })
      collected++
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error // completed or aborted meanwhile
    }
  }
  return collected
}

/** Now and every hour; what fails is told and tried again. `stop` waits for a round under way. */
export const startCollecting = (disk: Disk, onError: (error: unknown) => void): { stop(): Promise<void> } => {
  let round: Promise<unknown> = Promise.resolve()
  const collect = (): void => {
    round = round.then(() => collectAbandoned(disk, Date.now())).catch(onError)
  }
  collect()
  const timer = setInterval(collect, EVERY_MS)
  return {
    async stop() {
      clearInterval(timer)
      await round
    },
  }
}
