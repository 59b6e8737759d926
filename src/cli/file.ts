/** A file that is to be sent. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { CliFailure } from './failure.ts'

export const sha256Of = async (file: string): Promise<Buffer> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest()
}

export const sizeOf = async (file: string): Promise<number> => {
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile()) throw new CliFailure(2, 'no-file', `There is no file ${file}.`)
  return found.size
}
