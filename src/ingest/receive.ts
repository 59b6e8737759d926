/**
 * Bytes in, at constant memory: hashed while they are spooled to a file that has no name any more. The file is unlinked as soon
 * as it is open, so whatever ends the process, no bytes are left behind; at worst, killed between the two calls, an empty file,
 * which the next start removes. Nothing is stored anywhere else before the content is known to be what it should be.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { MatrixError, refuse } from '../model/errors.ts'
import { type Hex, newId } from '../model/ids.ts'
import { openTwoBuffers } from './two-buffers.ts'

export interface Received {
  readonly sha256: Hex
  readonly bytes: number
  /** Starts at the first byte each time it is called; may be called again for another try. */
  readonly open: () => Readable
  /** A path under which other code of this process can read the spooled bytes, until `close`. */
  readonly path: string
  readonly head: (length: number) => Promise<Uint8Array>
  readonly close: () => Promise<void>
}

export interface ReceiveOptions {
  readonly folder: string
  readonly maxBytes: number
  /** The longest silence between two chunks. */
  readonly idleMs: number
}

/** Makes the folder, and removes names that are left in it. One of another process that is just receiving loses its name earlier, no more. */
export const prepareSpool = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder)) await rm(join(folder, name), { force: true })
}

/** Two of them are in memory for each upload. */
const SPOOL_BYTES = 256 * 1024

/**
 * Throws `payload-too-large` at the first byte beyond the limit, `upload-incomplete` when the sender stops, `storage-full` when
 * the disk does. 190-230 MB/s on one core is what SHA-256 itself does here; writing runs beside it.
 */
export const receive = async (body: Readable, { folder, maxBytes, idleMs }: ReceiveOptions): Promise<Received> => {
  const path = join(folder, newId())
  const handle = await open(path, 'wx+', 0o600)
  await rm(path, { force: true })
  try {
    const { sha256, bytes } = await spool(body, handle, { maxBytes, idleMs })
    return {
      sha256,
      bytes,
      // A descriptor of its own: a stream over the handle closes it when it is destroyed, and a try that failed would be the last.
      open: () => createReadStream(`/dev/fd/${handle.fd}`, { start: 0, highWaterMark: 256 * 1024 }),
      path: `/dev/fd/${handle.fd}`,
      head: async length => {
        const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(Math.min(length, bytes)), position: 0 })
        return buffer.subarray(0, bytesRead)
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

const spool = async (body: Readable, handle: FileHandle, { maxBytes, idleMs }: Omit<ReceiveOptions, 'folder'>) => {
  const hash = createHash('sha256')
  const buffers = openTwoBuffers(() => SPOOL_BYTES)
  let bytes = 0
  let written = 0
  const write = async (): Promise<void> => {
    const position = written
    written += buffers.held().length
    await buffers.cut(full => writeAll(handle, full, position))
  }
  // Told as an error of the body, which ends the loop below; `destroy` would take the socket along, and the answer with it.
  const idle = setTimeout(() => body.emit('error', silence(idleMs)), idleMs)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      idle.refresh()
      bytes += chunk.length
      if (bytes > maxBytes)
        throw refuse('payload-too-large', `The limit is ${maxBytes} bytes.`, { details: { limit: maxBytes } })
      hash.update(chunk)
      for (let rest: Uint8Array = chunk; rest.length > 0; ) {
        rest = buffers.add(rest)
        // What comes next is hashed while it is written.
        if (buffers.isFull()) await write()
      }
    }
    await write()
    await buffers.kept()
  } catch (error) {
    await buffers.kept().catch(() => undefined)
    throw translate(error)
  } finally {
    clearTimeout(idle)
  }
  return { sha256: hash.digest('hex'), bytes }
}

const writeAll = async (handle: FileHandle, chunk: Buffer, position: number): Promise<void> => {
  for (let offset = 0; offset < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset, position + offset)
    offset += bytesWritten
  }
}

/** What a sender hears who has stopped sending. */
export const silence = (idleMs: number) => incomplete(`nothing was sent for ${idleMs} ms`)

const incomplete = (why: string) => refuse('upload-incomplete', `The upload ended early: ${why}.`)

const translate = (error: unknown): unknown => {
  if (error instanceof MatrixError || !(error instanceof Error)) return error
  const code = 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new MatrixError('storage-full', 'The spool folder is full', { cause: error })
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || error.name === 'AbortError') {
    return incomplete('the connection was lost')
  }
  return error
}
