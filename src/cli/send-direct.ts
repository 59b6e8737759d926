/** A file, straight into the store: the gateway is asked before and after, and the bytes do not go through it. */
import { createHash } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { UploadFailed, uploadDirect } from '../lib/upload-direct.ts'
import { openBar } from './bar.ts'
import type { GlobalOptions } from './client.ts'
import { CliFailure } from './failure.ts'
import { sha256Of, sizeOf } from './file.ts'
import { findUrl, readAdminKey } from './target.ts'
import { saidOf, type UploadWish } from './upload-wish.ts'

interface Stored {
  readonly asset: string
  readonly version: number
  readonly digest: string
}

interface Problem {
  readonly code?: string
  readonly detail?: string
}

/** Gateways answer with problems; a store with XML of its own, which says where it stands and is not repeated. */
const failureOf = ({ status, body, message }: UploadFailed): CliFailure => {
  const isProblem = body.startsWith('{')
  const { code = 'store-refused', detail = message.slice(0, message.indexOf(':') + 5) } = (
    isProblem ? JSON.parse(body) : {}
  ) as Problem
  return new CliFailure(status >= 500 ? 3 : 1, code, `${code}: ${detail}`)
}

/** Interrupted, the same command goes on with what the store does not have: the same file to the same place is the same wish. */
export const sendDirect = async (
  options: GlobalOptions,
  file: string,
  wanted: UploadWish,
  signal: AbortSignal,
): Promise<Stored> => {
  const { collection, asset, publish } = wanted
  const url = await findUrl(options)
  const key = options.key ?? (await readAdminKey(options.data))
  if ((await sizeOf(file)) === 0) throw new CliFailure(2, 'no-file', `${file} is empty.`)
  const wish = {
    ...(asset === undefined ? { collection } : { asset }),
    ...saidOf(wanted),
    publish,
    filename: basename(file),
    sha256: (await sha256Of(file)).toString('hex'),
  }
  const content = await openAsBlob(file)
  const bar = openBar({ label: basename(file), total: content.size, quiet: options.json })
  try {
    const { asset, version, digest } = await uploadDirect({
      url,
      key,
      wish,
      content,
      signal,
      onProgress: sent => bar.at(sent),
      idempotencyKey: createHash('sha256').update(JSON.stringify(wish)).digest('hex'),
    })
    return { asset, version, digest }
  } catch (error) {
    if (signal.aborted)
      throw new CliFailure(1, 'interrupted', 'Interrupted: the same command goes on with what is missing.')
    if (error instanceof UploadFailed) throw failureOf(error)
    if (error instanceof TypeError) throw new CliFailure(3, 'unreachable', 'The gateway or its store does not answer.')
    throw error
  } finally {
    bar.end()
  }
}
