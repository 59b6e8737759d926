/**
 * Paths of bytes by their content, for caches in front: equal bytes have one path, whoever they are for.
 *
 *     /o/{first two digits}/{sha256}.{ext}        a derivative
 *     /o/{first two digits}/{sha256}.original     bytes as they were received
 */
import type { Hex } from './ids.ts'
import { EXTENSION, FORMATS, type Format } from './recipe.ts'

export interface OriginPath {
  readonly sha256: Hex
  readonly format: Format | 'original'
}

const FORMAT_OF = new Map<string, OriginPath['format']>([
  ['original', 'original'],
  ...FORMATS.map(format => [EXTENSION[format], format] as const),
])

const PATH = /^\/o\/([0-9a-f]{2})\/(\1[0-9a-f]{62})\.([a-z]{3,8})$/

/** `undefined`: no path of ours. */
export const readOriginPath = (path: string): OriginPath | undefined => {
  const [, , sha256, extension = ''] = PATH.exec(path) ?? []
  const format = FORMAT_OF.get(extension)
  return sha256 === undefined || format === undefined ? undefined : { sha256, format }
}

/** The one spelling of it. */
export const writeOriginPath = ({ sha256, format }: OriginPath): string =>
  `/o/${sha256.slice(0, 2)}/${sha256}.${format === 'original' ? format : EXTENSION[format]}`
