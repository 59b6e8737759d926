/**
 * Keys as paths. A key may hold anything (`../x`, `a//b`, NUL, capitals on a disk that folds case), a path may not, so a
 * key is cut at its slashes and each piece is encoded: bytes other than `a-z 0-9 _ - .` become `%xx`, and a suffix says
 * what it is: `.d` a folder, `.o` an object. No piece can be `..`, and `a` and `a/b` live side by side as `a.o` and `a.d`.
 *
 * A file name ends at 255 bytes, so a piece of 80 bytes or more is continued inside a folder `.c`. Every piece that long
 * is, also one of exactly 80: so a folder's entries, sorted by what they stand for, give the keys in byte order.
 */
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from './errors.ts'

const PIECE_BYTES = 80

/** Relative to the bucket's folder. At most 3,200 characters for the 1,024 bytes that a key may have. */
export const keyPath = (key: string): string => {
  const pieces = keyBytes(key).split('/')
  return pieces.map((piece, at) => piecePath(piece, at === pieces.length - 1 ? '.o' : '.d')).join('/')
}

/** UTF-8 as one character a byte: such strings compare in the order of S3 listings. */
export const keyBytes = (key: string): string => Buffer.from(key, 'utf8').toString('latin1')

const keyText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8')

const piecePath = (piece: string, suffix: string): string =>
  piece.length < PIECE_BYTES
    ? `${encode(piece)}${suffix}`
    : `${encode(piece.slice(0, PIECE_BYTES))}.c/${piecePath(piece.slice(PIECE_BYTES), suffix)}`

const encode = (bytes: string): string =>
  bytes.replace(/[^a-z0-9_.-]/g, char => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

const decode = (name: string): string =>
  name.replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))

export interface WalkOptions {
  /** In bytes, see `keyBytes`. */
  readonly prefix: string
  /** Only keys behind this one, in bytes; empty for all. */
  readonly after: string
}

/** Every object under a bucket's folder whose key fits, in byte order, reading only the folders that can hold one. */
export async function* walkKeys(folder: string, options: WalkOptions, base = ''): AsyncGenerator<FoundKey> {
  for (const entry of await sortedEntries(folder, base)) {
    if (entry.isObject) {
      if (entry.at.startsWith(options.prefix) && entry.at > options.after) {
        yield { key: keyText(entry.at), bytes: entry.at, path: entry.path }
      }
    } else if (mayHold(entry.at, options)) {
      yield* walkKeys(entry.path, options, entry.at)
    }
  }
}

export interface FoundKey {
  readonly key: string
  readonly bytes: string
  readonly path: string
}

interface Entry {
  /** The key of an object, or what all keys inside a folder begin with. */
  readonly at: string
  readonly path: string
  readonly isObject: boolean
}

const mayHold = (at: string, { prefix, after }: WalkOptions): boolean =>
  (at.startsWith(prefix) || prefix.startsWith(at)) && (after <= at || after.startsWith(at))

const sortedEntries = async (folder: string, base: string): Promise<Entry[]> => {
  const entries: Entry[] = []
  try {
    for await (const { name } of await opendir(folder, { bufferSize: 256 })) {
      const piece = base + decode(name.slice(0, -2))
      const path = join(folder, name)
      if (name.endsWith('.o')) entries.push({ at: piece, path, isObject: true })
      if (name.endsWith('.d')) entries.push({ at: `${piece}/`, path, isObject: false })
      if (name.endsWith('.c')) entries.push({ at: piece, path, isObject: false })
    }
  } catch (error) {
    // A folder is removed with its last object; a listing that meets it in that moment finds nothing there.
    if (systemCode(error) !== 'ENOENT') throw error
  }
  return entries.sort((a, b) => (a.at < b.at ? -1 : 1))
}
