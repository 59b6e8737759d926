/** DeleteObject and DeleteObjects: idempotent, as in S3. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readText } from './body.ts'
import { S3Error, toS3Error } from './errors.ts'
import { answer, answerXml, type Exchange, type Operation } from './exchange.ts'
import { keyPath } from './key-path.ts'
import { readRequest } from './request.ts'
import { tagsPath } from './tagging.ts'
import { xmlElements, xmlText } from './xml.ts'

const DOCUMENT_BYTES = 2 * 1024 * 1024
const MOST_KEYS = 1000

export const deleteObject: Operation = async exchange => {
  await removeKey(exchange, exchange.request.key)
  answer(exchange.outgoing, 204)
}

export const deleteObjects: Operation = async exchange => {
  const xml = await readText(exchange.body(), DOCUMENT_BYTES)
  const keys = xmlElements(xml, 'Object').map(object => xmlText(object, 'Key') ?? '')
  if (keys.length === 0 || keys.length > MOST_KEYS || keys.includes('')) {
    throw new S3Error('MalformedXML', 'Expected 1 to 1000 objects with a key each')
  }
  const quiet = xmlText(xml, 'Quiet') === 'true'
  const Deleted: { Key: string }[] = []
  const Failed: { Key: string; Code: string; Message: string }[] = []
  for (const Key of keys) {
    try {
      checkKey(exchange, Key)
      await removeKey(exchange, Key)
      if (!quiet) Deleted.push({ Key })
    } catch (error) {
      const { code, message } = toS3Error(error)
      Failed.push({ Key, Code: code, Message: message })
    }
  }
  answerXml(exchange.outgoing, 'DeleteResult', { Deleted, Error: Failed })
}

/** By the same rules as a key in a path. */
const checkKey = ({ request }: Exchange, key: string): void => {
  readRequest({ method: 'DELETE', url: `/${request.bucket}/${encodeURIComponent(key)}`, headers: {} })
}

const removeKey = async ({ disk, bucketFolder }: Exchange, key: string): Promise<void> => {
  const path = join(bucketFolder, keyPath(key))
  await rm(tagsPath(path), { force: true })
  await disk.remove(path, bucketFolder)
}
