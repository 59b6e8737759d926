/**
 * The folder of the embedded S3 server, and the only writes it makes:
 *
 *   buckets/<bucket>/…    objects, see key-path.ts
 *   uploads/<id>/…        multipart uploads in progress
 *   tmp/…                 what is being written; emptied at start
 *
 * Bytes go to `tmp`, are synced, and appear under their name in one step: link(2), which fails where the name is taken,
 * or rename(2), which replaces. Then the folder is synced, and only then the caller is answered. A crash before the step
 * leaves a file in `tmp`; a crash after it leaves the whole object. One server per folder.
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, mkdir, open, rename, rm, rmdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from './errors.ts'

export interface TempFile {
  readonly path: string
  readonly handle: FileHandle
}

export interface Disk {
  readonly buckets: string
  readonly uploads: string
  readonly tmp: string
  newTemp(): Promise<TempFile>
  /** Early, in the middle of a large body. */
  flush(handle: FileHandle): Promise<void>
  /** Takes the file over in any case. `false`: `onlyNew`, and the name is taken. */
  commit(temp: TempFile, target: { path: string; onlyNew: boolean }): Promise<boolean>
  /** `false` when there was nothing. Folders left empty go too, up to `root`. */
  remove(path: string, root: string): Promise<boolean>
  makeFolder(path: string): Promise<void>
  /** Call it for a folder that was removed by other means. */
  forget(path: string): void
}

/** Folders known to be on disk with all their parents; forgotten together when there are this many. */
const KNOWN_FOLDERS = 10_000
/** Each try lost means that a delete in the same folder won. */
const MOST_TRIES = 100

export const openDisk = async ({ folder, durable }: { folder: string; durable: boolean }): Promise<Disk> => {
  const [buckets, uploads, tmp] = ['buckets', 'uploads', 'tmp'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const known = new Set<string>()

  /** A folder may be pruned before it is synced; its parent's sync then says that it went, with all that was in it. */
  const syncFolder = async (path: string): Promise<void> => {
    if (!durable) return
    try {
      const handle = await open(path, constants.O_RDONLY)
      await handle.sync().finally(() => handle.close())
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || path === folder) throw error
      await syncFolder(dirname(path))
    }
  }

  /** Creates what is missing, and syncs each folder that holds a new name, also one that another put has just made. */
  const makeFolder = async (path: string): Promise<void> => {
    if (known.has(path)) return
    await mkdir(path, { recursive: true })
    if (path !== folder) {
      await makeFolder(dirname(path))
      await syncFolder(dirname(path))
    }
    if (known.size >= KNOWN_FOLDERS) known.clear()
    known.add(path)
  }

  const place = async (temp: string, { path, onlyNew }: { path: string; onlyNew: boolean }): Promise<boolean> => {
    const parent = dirname(path)
    for (let tried = 0; ; tried++) {
      try {
        await makeFolder(parent)
        await (onlyNew ? link(temp, path) : rename(temp, path))
        break
      } catch (error) {
        if (onlyNew && systemCode(error) === 'EEXIST') return false
        if (systemCode(error) !== 'ENOENT' || tried === MOST_TRIES) throw error
        // A delete took the folder away as the last of its objects went: make it again, and trust none of its parents.
        known.clear()
      }
    }
    // Outside of the loop: once placed it may be deleted again at once, and must not come back.
    await syncFolder(parent)
    return true
  }

  const pruneFolders = async (path: string, root: string): Promise<void> => {
    for (let at = path; at.length > root.length; at = dirname(at)) {
      known.delete(at)
      try {
        await rmdir(at)
      } catch {
        // Not empty, or gone already: either way there is nothing to prune above it.
        return
      }
      known.delete(at)
    }
  }

  await rm(tmp, { recursive: true, force: true })
  for (const path of [buckets, uploads, tmp]) await makeFolder(path)

  return {
    buckets,
    uploads,
    tmp,
    makeFolder,
    forget: path => void known.delete(path),
    async newTemp() {
      const path = join(tmp, randomUUID())
      return { path, handle: await open(path, 'wx', 0o600) }
    },
    async flush(handle) {
      if (durable) await handle.datasync()
    },
    async commit({ path, handle }, target) {
      let placed = false
      try {
        await (durable ? handle.sync() : undefined)
        await handle.close()
        placed = await place(path, target)
        return placed
      } finally {
        await handle.close()
        if (!placed || target.onlyNew) await rm(path, { force: true })
      }
    },
    async remove(path, root) {
      try {
        await unlink(path)
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return false
        throw error
      }
      await syncFolder(dirname(path))
      await pruneFolders(dirname(path), root)
      return true
    },
  }
}
