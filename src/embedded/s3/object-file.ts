/**
 * An object is one file, so that its bytes and its headers appear and vanish together: the body, then what is known
 * about it as JSON, then four bytes with the length of the JSON, then eight bytes that mark the end.
 */
import { type FileHandle, open, rm } from 'node:fs/promises'
import type { Disk, TempFile } from './disk.ts'
import { S3Error, systemCode } from './errors.ts'

const MARK = Buffer.from('AMXOBJ01')
const TAIL_BYTES = 4 + MARK.length
/** What is synced in between, so that the last sync of a large body is short and the sender feels the disk. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024

export interface ObjectFacts {
  readonly id: string
  readonly bytes: number
  /** With its quotes. */
  readonly etag: string
  /** Milliseconds since the epoch. */
  readonly storedAt: number
  /** As they are sent back: `content-type`, `x-amz-meta-…`. */
  readonly headers: Readonly<Record<string, string>>
  /** `x-amz-checksum-…`, base64. */
  readonly checksums: Readonly<Record<string, string>>
}

/**
 * Writes a body into a temporary file; `describe` is called after its last byte. A body that fails leaves nothing. The
 * next chunk is taken while the last one is being written: two are held at most.
 */
export const writeObject = async (
  disk: Disk,
  body: AsyncIterable<Uint8Array>,
  describe: (bytes: number) => ObjectFacts,
): Promise<{ temp: TempFile; facts: ObjectFacts }> => {
  const temp = await disk.newTemp()
  let writing: Promise<unknown> = Promise.resolve()
  try {
    let bytes = 0
    let unsynced = 0
    for await (const chunk of body) {
      await writing
      writing = writeAll(temp.handle, chunk)
      // Awaited at the next chunk; until then a failure must not count as unhandled.
      writing.catch(() => undefined)
      bytes += chunk.byteLength
      unsynced += chunk.byteLength
      if (unsynced < SYNC_EVERY_BYTES) continue
      await writing
      await disk.flush(temp.handle)
      unsynced = 0
    }
    await writing
    const facts = describe(bytes)
    await writeAll(temp.handle, tailOf(facts))
    return { temp, facts }
  } catch (error) {
    await writing.catch(() => undefined)
    await temp.handle.close()
    await rm(temp.path, { force: true })
    throw error
  }
}

const writeAll = async (handle: FileHandle, chunk: Uint8Array): Promise<void> => {
  for (let done = 0; done < chunk.byteLength; ) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.byteLength - done)
    done += bytesWritten
  }
}

const tailOf = (facts: ObjectFacts): Buffer => {
  const json = Buffer.from(JSON.stringify(facts))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([json, length, MARK])
}

export interface OpenObject {
  readonly handle: FileHandle
  readonly facts: ObjectFacts
}

/** `undefined` when there is no such file. The handle keeps reading the same bytes whatever happens to the name. */
export const openObject = async (path: string): Promise<OpenObject | undefined> => {
  const handle = await openIfThere(path)
  if (handle === undefined) return undefined
  try {
    return { handle, facts: await readFacts(handle) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

export const readObjectFacts = async (path: string): Promise<ObjectFacts | undefined> => {
  const object = await openObject(path)
  await object?.handle.close()
  return object?.facts
}

const openIfThere = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

const FIRST_READ_BYTES = 4096

const readFacts = async (handle: FileHandle): Promise<ObjectFacts> => {
  const { size } = await handle.stat()
  let tail = await readEnd(handle, size, Math.min(size, FIRST_READ_BYTES))
  const jsonBytes = tail.length < TAIL_BYTES ? 0 : tail.readUInt32BE(tail.length - TAIL_BYTES)
  const wholeTail = jsonBytes + TAIL_BYTES
  if (wholeTail > size || !tail.subarray(-MARK.length).equals(MARK))
    throw new S3Error('InternalError', 'Not an object file')
  if (wholeTail > tail.length) tail = await readEnd(handle, size, wholeTail)
  const facts = JSON.parse(tail.subarray(tail.length - wholeTail, -TAIL_BYTES).toString()) as ObjectFacts
  if (facts.bytes + wholeTail !== size) throw new S3Error('InternalError', 'An object file was cut or extended')
  return facts
}

const readEnd = async (handle: FileHandle, size: number, bytes: number): Promise<Buffer> => {
  const { buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, size - bytes)
  return buffer
}
