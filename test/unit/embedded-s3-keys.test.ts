import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyBytes, keyPath, walkKeys } from '../../src/embedded/s3/key-path.ts'

const NASTY = [
  '../x',
  '../../etc/passwd',
  '/',
  '//',
  '/a',
  'a/',
  'a//b',
  '.',
  '..',
  'a/..',
  'a/./b',
  'a\0b',
  'a',
  'a/b',
  'a-b',
  'A',
  'é',
  'e\u0301',
]
const X = 'x'.repeat(80)
const LONG = [
  'y'.repeat(1024),
  'é'.repeat(512),
  '/'.repeat(1024),
  X,
  `${X}/a`,
  `${X}-a`,
  `${X}z`,
  X.slice(1),
  `${X.slice(1)}/`,
]

/** A lone surrogate cannot be sent. */
const isUtf8 = (key: string): boolean => Buffer.from(key).toString() === key

const anyKey = fc.oneof(
  fc.constantFrom(...NASTY, ...LONG),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }).filter(isUtf8),
  fc.string({ unit: fc.constantFrom('a', 'B', '/', '.', '%', 'x'.repeat(79)), minLength: 1, maxLength: 12 }),
)

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const listed = async (folder: string, prefix = '', after = ''): Promise<string[]> => {
  const found: string[] = []
  for await (const { key } of walkKeys(folder, { prefix: keyBytes(prefix), after: keyBytes(after) })) found.push(key)
  return found
}

describe('keys as paths', () => {
  it('stay inside the folder, fit a file system, and are never two', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyKey, { maxLength: 20 }), keys => {
        const paths = keys.map(keyPath)
        // Also on a disk that folds case.
        expect(new Set(paths.map(path => path.toLowerCase())).size).toBe(keys.length)
        for (const path of paths) {
          expect(normalize(path)).toBe(path)
          expect(path.split('/')).not.toContain('..')
          expect(isAbsolute(path)).toBe(false)
          expect(path).toMatch(/^[a-z0-9_.%/-]+$/)
          expect(Math.max(...path.split('/').map(name => name.length))).toBeLessThanOrEqual(255)
          expect(path.length).toBeLessThanOrEqual(3_200)
        }
      }),
    )
  })

  it('are found again, in the byte order of their keys, by prefix and behind a key', async () => {
    const root = await mkdtemp(join(tmpdir(), 'matrix-keys-'))
    let run = 0
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(anyKey, { minLength: 1, maxLength: 25 }),
          fc.nat(),
          fc.nat(5),
          async (keys, n, cut) => {
            const folder = join(root, String(run++))
            for (const key of keys) {
              const path = join(folder, keyPath(key))
              await mkdir(dirname(path), { recursive: true })
              await writeFile(path, '')
            }
            const sorted = [...keys].sort(byBytes)
            expect(await listed(folder)).toEqual(sorted)
            const chosen = sorted[n % sorted.length] ?? ''
            expect(await listed(folder, '', chosen)).toEqual(sorted.slice(sorted.indexOf(chosen) + 1))
            const prefix = Array.from(chosen).slice(0, cut).join('')
            expect(await listed(folder, prefix)).toEqual(sorted.filter(key => key.startsWith(prefix)))
          },
        ),
        { numRuns: 60 },
      )
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })

  it('of a folder that is not there are none', async () => {
    expect(await listed(join(tmpdir(), 'matrix-no-such-folder'))).toEqual([])
  })
})
