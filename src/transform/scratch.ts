/**
 * The file through which one decode process is handed originals: without a name, so that nothing is left of a crash, and empty
 * between orders, so that what it held is forgotten and seldom reaches the disk.
 */
import { closeSync, ftruncate, openSync, rmSync, write } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { newId } from '../model/ids.ts'

export interface Scratch {
  readonly fd: number
  /** From its beginning. False: the disk is full or failing, and the bytes have to go another way. */
  fill(bytes: Uint8Array): Promise<boolean>
  empty(): Promise<void>
  close(): void
}

const writeAt = promisify(write)
const truncateTo = promisify(ftruncate)

/** `undefined` where no file can be made. */
export const openScratch = (folder: string): Scratch | undefined => {
  let fd: number
  try {
    const path = join(folder, newId())
    fd = openSync(path, 'wx+', 0o600)
    rmSync(path, { force: true })
  } catch {
    return undefined // a folder that is gone or full costs time only
  }
  // One after the other: a descriptor that is closed under a write may be another file by then.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => T | Promise<T>, otherwise: T): Promise<T> => {
    const done = last.then(work).catch(() => otherwise)
    last = done
    return done
  }
  const fill = async (bytes: Uint8Array): Promise<boolean> => {
    for (let at = 0; at < bytes.byteLength; ) {
      at += (await writeAt(fd, bytes, at, bytes.byteLength - at, at)).bytesWritten
    }
    return true
  }
  return {
    fd,
    fill: bytes => inTurn(() => fill(bytes), false),
    empty: () => inTurn(() => truncateTo(fd, 0), undefined),
    close: () => void inTurn(() => closeSync(fd), undefined),
  }
}
