/**
 * One start per data folder: two would run two object stores over the same files. The claim is a file that appears whole
 * or not at all (`link` refuses what exists). Killed: the file stays, and names a process that is gone, so the next start takes
 * it over. A process number may have been given away since; with the moment of its birth it cannot be mistaken.
 */
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { gatewayPath } from '../data-folder.ts'
import { MatrixError } from '../model/errors.ts'

export interface Claim {
  /** Tells the command line where this process listens. */
  announce(url: string): Promise<void>
  /** Idempotent. */
  release(): Promise<void>
}

interface Holder {
  readonly pid: number
  /** In ticks since boot, where the system tells. */
  readonly born: string
  readonly url?: string
}

/** Rejects with `conflict` when another process that lives has the folder. */
export const claimFolder = async (folder: string): Promise<Claim> => {
  const path = gatewayPath(folder)
  const temporary = `${path}.${process.pid}`
  const me: Holder = { pid: process.pid, born: await birthOf(process.pid) }
  const write = (holder: Holder): Promise<void> => writeFile(temporary, `${JSON.stringify(holder)}\n`, { mode: 0o600 })

  await write(me)
  try {
    for (let takenOver = false; ; takenOver = true) {
      const isMine = await link(temporary, path).then(
        () => true,
        error => {
          if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
          throw error
        },
      )
      if (isMine) break
      const holder = await readHolder(path)
      if (takenOver || (holder && (await lives(holder)))) throw inUse(folder, holder)
      await rm(path, { force: true })
    }
  } finally {
    await rm(temporary, { force: true })
  }
  return {
    async announce(url) {
      await write({ ...me, url })
      await rename(temporary, path)
    },
    async release() {
      const holder = await readHolder(path)
      if (holder?.pid === me.pid && holder.born === me.born) await rm(path, { force: true })
    },
  }
}

const inUse = (folder: string, holder: Holder | undefined): MatrixError =>
  new MatrixError(
    'conflict',
    `The data folder ${folder} is in use${holder ? ` by process ${holder.pid}${holder.url ? `, which listens on ${holder.url}` : ''}` : ''}: ` +
      'stop that one, or set ASSET_MATRIX_DATA to another folder.',
  )

/** `undefined`: there is none, or nothing that we wrote. */
const readHolder = async (path: string): Promise<Holder | undefined> => {
  const text = await readFile(path, 'utf8').catch(() => '')
  try {
    const { pid, born, url } = JSON.parse(text) as Partial<Holder>
    return Number.isInteger(pid) && pid !== undefined && born !== undefined
      ? { pid, born, ...(url && { url }) }
      : undefined
  } catch {
    return undefined
  }
}

const lives = async ({ pid, born }: Holder): Promise<boolean> => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return (await birthOf(pid)) === born
}

/** Field 22 of `/proc/<pid>/stat`, counted from behind the name, which may contain anything; empty where there is no `/proc`. */
const birthOf = async (pid: number): Promise<string> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}
