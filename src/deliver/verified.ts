import { createHash } from 'node:crypto'
import { pipeline, type Readable, Transform } from 'node:stream'
import { MatrixError } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'

/**
 * The same bytes, checked on their way: S3 does not notice a flipped bit. The last chunk is held back until the digest of all is
 * known, so that a reader never has the whole of something wrong: the answer breaks off below its Content-Length instead.
 *
 * Costs what SHA-256 does, some 5 ms of CPU a MB here.
 */
export const verified = (source: Readable, { key, sha256 }: { key: string; sha256: Hex }): Readable => {
  const hash = createHash('sha256')
  let held: Uint8Array | undefined
  const check = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk)
      const previous = held
      held = chunk
      done(null, previous)
    },
    flush(done) {
      if (hash.digest('hex') === sha256) return done(null, held)
      done(new MatrixError('storage-unavailable', `get ${key}: the object has other bytes than its digest says`))
    },
  })
  return pipeline(source, check, () => undefined) // whoever reads hears of it
}
