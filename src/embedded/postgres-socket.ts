/** Where the unix socket lies: the only way in, and whoever reaches it is trusted, so its folder is ours alone (mode 700). */
import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MatrixError } from '../model/errors.ts'

export const POSTGRES_PORT = 5432

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, the closing zero included. */
const LONGEST_PATH = 103

export const chooseSocketFolder = async (dataFolder: string, wanted?: string): Promise<string> => {
  if (wanted !== undefined) {
    if (!isUsable(wanted)) throw unusable(wanted)
    return ownFolder(wanted)
  }
  if (isUsable(dataFolder)) return dataFolder
  const name = createHash('sha256').update(dataFolder).digest('hex').slice(0, 16)
  const fallback = join(tmpdir(), `asset-matrix-${name}`)
  if (!isUsable(fallback)) throw unusable(fallback)
  return ownFolder(fallback)
}

/** Postgres reads a list here: a comma separates, a quote quotes. */
const isUsable = (folder: string): boolean =>
  Buffer.byteLength(join(folder, `.s.PGSQL.${POSTGRES_PORT}`)) <= LONGEST_PATH && !/[",]/.test(folder)

const unusable = (folder: string): MatrixError =>
  new MatrixError(
    'invalid-request',
    `Expected a socket folder of at most ${LONGEST_PATH} bytes with the socket's name and without commas and quotes but received ${folder}`,
  )

/** In a temporary folder anyone can be first: a folder that another user made, or may enter, is refused. */
const ownFolder = async (folder: string): Promise<string> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { uid, mode } = await stat(folder)
  const me = process.getuid?.()
  if ((mode & 0o077) !== 0 || (me !== undefined && me !== 0 && uid !== me)) {
    throw new MatrixError('conflict', `Expected the socket folder ${folder} to be ours alone but others may enter it`)
  }
  return folder
}
