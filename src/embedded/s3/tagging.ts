/**
 * Object tags, in a file beside the object that names the object it belongs to: an object that was replaced since has
 * another id, and so no tags.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readText } from './body.ts'
import { S3Error, systemCode } from './errors.ts'
import { answer, answerXml, type Exchange, type Operation } from './exchange.ts'
import { keyPath } from './key-path.ts'
import { readObjectFacts } from './object-file.ts'
import { xmlElements, xmlText } from './xml.ts'

const DOCUMENT_BYTES = 64 * 1024
const MOST_TAGS = 10

interface Tags {
  readonly id: string
  readonly tags: readonly { readonly Key: string; readonly Value: string }[]
}

export const tagsPath = (objectPath: string): string => objectPath.replace(/\.o$/, '.t')

export const putTagging: Operation = async exchange => {
  const { path, id } = await findObject(exchange)
  const xml = await readText(exchange.body(), DOCUMENT_BYTES)
  const tags = xmlElements(xml, 'Tag').map(tag => ({
    Key: xmlText(tag, 'Key') ?? '',
    Value: xmlText(tag, 'Value') ?? '',
  }))
  if (tags.length > MOST_TAGS || tags.some(tag => tag.Key === ''))
    throw new S3Error('MalformedXML', 'Expected up to 10 tags')
  const temp = await exchange.disk.newTemp()
  await temp.handle.writeFile(JSON.stringify({ id, tags } satisfies Tags))
  await exchange.disk.commit(temp, { path: tagsPath(path), onlyNew: false })
  answer(exchange.outgoing, 200)
}

export const getTagging: Operation = async exchange => {
  const { path, id } = await findObject(exchange)
  const stored = await readTags(tagsPath(path))
  answerXml(exchange.outgoing, 'Tagging', { TagSet: { Tag: stored?.id === id ? stored.tags : [] } })
}

export const deleteTagging: Operation = async exchange => {
  const { path } = await findObject(exchange)
  await rm(tagsPath(path), { force: true })
  answer(exchange.outgoing, 204)
}

const findObject = async ({ request, bucketFolder }: Exchange): Promise<{ path: string; id: string }> => {
  const path = join(bucketFolder, keyPath(request.key))
  const facts = await readObjectFacts(path)
  if (facts === undefined) throw new S3Error('NoSuchKey', 'The specified key does not exist')
  return { path, id: facts.id }
}

const readTags = async (path: string): Promise<Tags | undefined> => {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
