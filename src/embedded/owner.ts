/**
 * As whom we work in a data folder. What one user has made another cannot use: Postgres insists on owning its files, and keys and
 * objects are readable by their maker only. Root, who may become anybody, becomes the owner of the folder, so that
 * `sudo npm start` or a container over somebody's folder leaves it as it was; anybody else is told whose it is.
 */
import { access, constants, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MatrixError } from '../model/errors.ts'

/** Gives up root for good where the folder is another user's. Resolves with the user that it became, if it did. */
export const workAsOwner = async (folder: string): Promise<number | undefined> => {
  const me = process.getuid?.()
  const { uid, gid } = await stat(folder)
  if (me === undefined || me === uid) return undefined
  if (me !== 0) return refuseUnreadable(folder, uid)
  // Where Postgres has been given to somebody else, root is who reaches both; and a user without a name cannot run it at all.
  const postgres = await stat(join(folder, 'postgres')).catch(() => undefined)
  if ((postgres && postgres.uid !== uid) || !(await hasName(uid))) return undefined
  process.setgroups?.([gid])
  process.setgid?.(gid)
  process.setuid?.(uid)
  await access(fileURLToPath(import.meta.url), constants.R_OK).catch(error => {
    const message = `The data folder ${folder} belongs to user ${uid}, who may not read this program.`
    throw new MatrixError('conflict', message, { cause: error })
  })
  return uid
}

const hasName = async (uid: number): Promise<boolean> => {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  return passwd.split('\n').some(line => line.split(':')[2] === String(uid))
}

const refuseUnreadable = async (folder: string, owner: number): Promise<undefined> => {
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).catch(() => {
    throw new MatrixError(
      'conflict',
      `The data folder ${folder} belongs to ${owner === 0 ? 'root' : `user ${owner}`}: start as that user, or set ASSET_MATRIX_DATA to another folder.`,
    )
  })
  return undefined
}
