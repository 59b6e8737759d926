/**
 * A disk that can be filled: memory of a bounded size, mounted for one process alone (a mount namespace of its own, which needs no
 * root where user namespaces are allowed). Whoever started the process reaches it by /proc.
 */
import { execFile } from 'node:child_process'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Forked, type ForkOptions, forkNode } from './fork-node.ts'

/** `undefined` where it can be had, else why not. */
export const findSmallDisk = async (): Promise<string | undefined> => {
  try {
    await promisify(execFile)('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs tmpfs /tmp'])
    return undefined
  } catch {
    return 'this machine mounts nothing without root'
  }
}

export interface SmallDisk extends Forked {
  readonly said: unknown
  /** Where others than the process see its disk. */
  readonly folder: string
  /** Leaves so much of it. */
  fill(leave: number): Promise<void>
  empty(): Promise<void>
}

const MOUNT = 'mount -t tmpfs -o size="$1",mode=700 tmpfs "$0" && shift && exec "$@"'

/** The process has its disk at `folder`. */
export const forkOnSmallDisk = async ({
  folder,
  bytes,
  ...options
}: ForkOptions & { readonly folder: string; readonly bytes: number }): Promise<SmallDisk> => {
  await mkdir(folder, { recursive: true })
  const forked = await forkNode({ ...options, within: ['unshare', '-rm', 'sh', '-c', MOUNT, folder, String(bytes)] })
  const seen = join(`/proc/${forked.pid}/root`, folder)
  const filler = join(seen, 'filler')
  return {
    ...forked,
    folder: seen,
    fill: async leave => {
      const { bavail, bsize } = await statfs(seen)
      await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - leave)))
    },
    empty: () => rm(filler, { force: true }),
  }
}
