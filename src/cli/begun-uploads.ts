/**
 * Uploads that were begun from this account and have not ended: a file each, under a name that says of which content, to where. Only
 * the path at the gateway is kept: whatever else a file says, nothing is sent to another host.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

const PATH = /^\/v1\/tus\/[0-9a-f-]{36}$/

export interface BegunUpload {
  /** Of the upload at the gateway, where it was begun before. */
  readonly path: string | undefined
  remember(path: string): Promise<void>
  forget(): Promise<void>
}

export const findBegun = async (...of: readonly string[]): Promise<BegunUpload> => {
  const folder = join(homedir(), '.cache', 'asset-matrix', 'uploads')
  const file = join(folder, createHash('sha256').update(JSON.stringify(of)).digest('hex'))
  const text = await readFile(file, 'utf8').catch(() => '')
  return {
    path: PATH.test(text) ? text : undefined,
    async remember(path) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writeFile(file, path, { mode: 0o600 })
    },
    forget: () => rm(file, { force: true }),
  }
}
