/** Secrets that the embedded default makes once and keeps in the data folder, readable by its owner only. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { adminKeyPath } from '../data-folder.ts'
import { newSecret } from '../model/ids.ts'

const keep = async (path: string, make: () => string): Promise<{ value: string; isNew: boolean }> => {
  try {
    return { value: (await readFile(path, 'utf8')).trim(), isNew: false }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const value = make()
  await writeFile(path, `${value}\n`, { mode: 0o600, flag: 'wx' })
  return { value, isNew: true }
}

export const keepAdminKey = (dataFolder: string) => keep(adminKeyPath(dataFolder), newSecret)

/** The credential between this gateway and its own S3 server. */
export const keepS3Credential = async (dataFolder: string) => {
  const { value } = await keep(join(dataFolder, 's3.key'), () => randomBytes(24).toString('base64url'))
  return { accessKeyId: 'ASSETMATRIX', secretAccessKey: value }
}
