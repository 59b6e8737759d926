/** `Upload-Checksum: sha1 <base64>`: of the bytes of one request (tus 1.0, extension Checksum). */
import { createHash } from 'node:crypto'
import { refuse } from '../../model/errors.ts'

/** The specification asks for SHA-1; none of them is a protection from anybody who means it. `sha256` of the metadata is. */
export const CHECKSUM_ALGORITHMS = ['sha1', 'sha256', 'md5'] as const

export const checksumOf = (header: string | undefined) => {
  if (header === undefined) return undefined
  const [, algorithm, base64 = ''] = /^([a-z0-9-]+) ([A-Za-z0-9+/]+={0,2})$/.exec(header) ?? []
  const known = CHECKSUM_ALGORITHMS.find(name => name === algorithm)
  if (known === undefined)
    throw refuse(
      'invalid-request',
      `Upload-Checksum is one of ${CHECKSUM_ALGORITHMS.join(', ')} and a digest in base64.`,
    )
  const hash = createHash(known)
  return {
    update: (chunk: Uint8Array): void => void hash.update(chunk),
    isRight: (): boolean => hash.digest().equals(Buffer.from(base64, 'base64')),
  }
}
