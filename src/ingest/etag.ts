/**
 * Whether what was read is what a store says that it holds. Most stores' ETag is the MD5 of what was put, and of an object in parts
 * that of the parts' MD5s with their number behind it. Where it is neither (encrypted objects of AWS) nothing can be told by it: so
 * an ETag that fits proves that nothing was lost on the way, and one that does not proves nothing.
 */
import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'

export interface EtagMeter {
  /** Bytes go through it. */
  readonly through: Transform
  /** Once they have. */
  readonly fits: (etag: string | undefined) => boolean
}

/** With the size of all parts but the last, where it was put in parts. MD5 costs half of what SHA-256 does. */
export const openEtagMeter = (partBytes = Number.POSITIVE_INFINITY): EtagMeter => {
  let part = createHash('md5')
  let left = partBytes
  const parts: Buffer[] = []
  const endPart = () => {
    parts.push(part.digest())
    part = createHash('md5')
    left = partBytes
  }
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let rest = chunk
      while (rest.length >= left) {
        part.update(rest.subarray(0, left))
        rest = rest.subarray(left)
        endPart()
      }
      part.update(rest)
      left -= rest.length
      done(null, chunk)
    },
    flush(done) {
      if (left < partBytes || parts.length === 0) endPart()
      done()
    },
  })
  const etagOf = (): string | undefined => {
    if (!Number.isFinite(partBytes)) return parts[0]?.toString('hex')
    return `${createHash('md5').update(Buffer.concat(parts)).digest('hex')}-${parts.length}`
  }
  return { through, fits: etag => etag !== undefined && etag === etagOf() }
}
