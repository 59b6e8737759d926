/** The SDK as a product has it: packed, in a project of its own, with the names of a deployment, against a mock of it. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MatrixSet, Mock, startMock as Start } from '../../src/cli/mock.ts'
import { DIST, runMatrix, spawnProgram } from '../support/started.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const CARD = { recipe: { resize: { width: 40 }, formats: ['jpeg'] } }
const SET: MatrixSet = {
  products: { blog: {}, 'shop-web': {} },
  collections: {
    media: {
      owner: 'shop-web',
      grants: { blog: { role: 'reader', original_access: false } },
      renditions: { 'shop-web': { card: { ...CARD, lane: 'lazy' }, hero: CARD }, blog: { teaser: CARD } },
    },
  },
}

/** As it is shipped. */
const { startMock } = (await import(join(DIST, 'src/cli/mock.js'))) as { startMock: typeof Start }

let mock: Mock
let project: string
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'matrix-project-'))
  mock = await startMock({ set: SET })
}, 120_000)
afterAll(async () => {
  await mock?.close()
  await rm(project, { recursive: true, force: true })
})

const matrix = (...args: string[]) => runMatrix(project, ['--url', mock.url, '--key', mock.adminKey, ...args])
const names = (): string => join(project, 'matrix.ts')

/** What a file imports, and what that imports. */
const closureOf = async (entry: string, found = new Set<string>()): Promise<ReadonlySet<string>> => {
  if (found.has(entry)) return found
  found.add(entry)
  const text = await readFile(entry, 'utf8')
  // Declarations name the source beside which they stand.
  const beside = (target: string): string => (entry.endsWith('.d.ts') ? target.replace(/\.ts$/, '.d.ts') : target)
  for (const [, target = ''] of text.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g))
    await closureOf(resolve(dirname(entry), beside(target)), found)
  return found
}
const foreign = async (files: Iterable<string>): Promise<string[]> => {
  const names: string[] = []
  for (const file of files)
    for (const [, name = ''] of (await readFile(file, 'utf8')).matchAll(/(?:from|import)\s*\(?\s*'([@\w][^'\n]*)'/g))
      names.push(name)
  return [...new Set(names)]
}

describe('the package', () => {
  test('has the SDK without a dependency; what browsers load has nothing of node either', async () => {
    const files = await closureOf(join(DIST, 'src/sdk/index.js'))
    expect(await foreign(files)).toEqual(['node:crypto'])
    expect(await foreign(await closureOf(join(DIST, 'src/sdk/browser.js')))).toEqual([])
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      maxBuffer: 64 << 20,
    })
    const packed = (JSON.parse(stdout) as { files: { path: string }[] }[])[0]?.files.map(({ path }) => path) ?? []
    expect(packed).toEqual(
      expect.arrayContaining(['dist/src/config/define.js', 'dist/src/config/define.d.ts', 'dist/src/cli/mock.js']),
    )
    const types = await closureOf(join(DIST, 'src/sdk/index.d.ts'))
    expect(await foreign(types)).toEqual([])
    const ours = [...files, ...types].map(file => relative(ROOT, file))
    expect(ours.filter(file => !packed.includes(file))).toEqual([])

    const home = join(project, 'node_modules/asset-matrix')
    for (const file of [...ours, 'package.json']) {
      await mkdir(dirname(join(home, file)), { recursive: true })
      await cp(join(ROOT, file), join(home, file))
    }
    const tarball = join(project, 'sdk.tgz')
    await run('tar', ['-czf', tarball, '-C', home, '.'])
    expect((await stat(tarball)).size).toBeLessThan(60 * 1024)
  })
})

describe('matrix generate', () => {
  test('prints the names of the deployment, and says when they are others', async () => {
    expect(await matrix('generate', '-o', names())).toMatchObject({ code: 0, out: `${names()} written` })
    const text = await readFile(names(), 'utf8')
    expect(text).toContain(`  'shop-web': {
    readonly renditions: 'card' | 'hero'
    readonly collections: 'media'
  }`)
    expect(text).toContain(`  blog: {
    readonly renditions: 'teaser'
    readonly collections: never
  }`)
    expect(await matrix('generate', '-o', names(), '--check')).toMatchObject({ code: 0 })
    await writeFile(names(), text.replace("'hero'", "'poster'"))
    const stale = await matrix('generate', '-o', names(), '--check')
    expect(stale.code).toBe(1)
    expect(stale.err).toContain('is not what this deployment has')
    await writeFile(names(), text)
    expect((await matrix('generate', '--check')).code).toBe(2)
  })

  test('a name that is wrong does not compile, and one that is right does', async () => {
    const use = (rendition: string, collection: string): string => `
import { createClient } from './matrix.ts'
const client = createClient({ baseUrl: process.argv[2] ?? '', key: process.argv[3] ?? '', product: 'shop-web' })
const made = await client.upload(new Blob(['no picture'], { type: 'text/plain' }), { collection: '${collection}' })
const answer = await client.resolve(made.asset, '${rendition}').catch((error: { code: string }) => error.code)
console.log(JSON.stringify({ version: made.version, answer }))
`
    await writeFile(join(project, 'right.ts'), use('card', 'media'))
    await writeFile(join(project, 'wrong.ts'), use('crad', 'medium'))
    await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }))
    const globals = 'declare const process: { readonly argv: readonly string[] }\n'
    await writeFile(join(project, 'globals.d.ts'), globals)
    const check = async (file: string): Promise<string> => {
      const options = [
        '--strict',
        '--noEmit',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--lib',
        'es2023,dom,dom.iterable',
      ]
      const more = ['--allowImportingTsExtensions', '--types', '']
      return run(join(ROOT, 'node_modules/.bin/tsc'), [...options, ...more, file, 'globals.d.ts'], {
        cwd: project,
      }).then(
        () => '',
        error => (error as { stdout: string }).stdout,
      )
    }
    expect(await check('right.ts')).toBe('')
    const wrong = await check('wrong.ts')
    expect(wrong).toContain(
      `Argument of type '"crad"' is not assignable to parameter of type '"card" | "hero" | "original"'`,
    )
    expect(wrong).toContain(`Type '"medium"' is not assignable to type '"media"'`)

    // What compiled runs: in this project, against the mock, in a process of its own.
    const tsx = join(ROOT, 'node_modules/tsx/dist/cli.mjs')
    const { stdout } = await run(process.execPath, [tsx, 'right.ts', mock.url, mock.keys['shop-web'] ?? ''], {
      cwd: project,
    })
    expect(JSON.parse(stdout)).toEqual({ version: 1, answer: 'unsupported-transform' })
  }, 120_000)

  test('prints the matrix for a mock, which has it again', async () => {
    const { out, code } = await matrix('generate', '--mock')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      products: { blog: {}, 'shop-web': {} },
      collections: { media: { owner: 'shop-web', renditions: { 'shop-web': { card: { lane: 'lazy' } } } } },
    })
    const file = join(project, 'set.json')
    await writeFile(file, out)
    const other = spawnProgram(
      'src/cli/main.js',
      {},
      { cwd: project, args: ['mock', '--port', '0', '--set', file, '--json'] },
    )
    let over = false
    void other.ended.then(() => (over = true))
    const look = (): string | undefined => {
      if (over) throw new Error(`It ended before it was ready: ${other.output()}`)
      return /^\{"url".*\}$/m.exec(other.output())?.[0]
    }
    const said = await until('the other mock', look, { withinMs: 120_000 })
    const { url, admin_key: key } = JSON.parse(said) as { url: string; admin_key: string }
    const again = await runMatrix(project, ['--url', url, '--key', key, 'generate', '--mock'])
    expect(again.out).toBe(out)
    expect(await other.end('SIGINT')).toBe(0)
    await expect(fetch(url)).rejects.toThrow()
  }, 180_000)
})

describe('matrix mock', () => {
  test('stands on engines of its own, whatever the folder and the environment of the caller say', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'matrix-elsewhere-'))
    const url = 'postgres://matrix@127.0.0.1:9/matrix'
    await writeFile(join(elsewhere, 'matrix.config.json'), JSON.stringify({ database: { url }, role: 'worker' }))
    const program = spawnProgram(
      'src/cli/main.js',
      { DATABASE_URL: url, REDIS_URL: 'redis://127.0.0.1:9', S3_ENDPOINT: 'http://127.0.0.1:9', ROLE: 'worker' },
      { cwd: elsewhere, args: ['mock', '--port', '0', '--json'] },
    )
    let over = false
    void program.ended.then(() => (over = true))
    const look = (): string | undefined => (over ? program.output() : /^\{"url".*\}$/m.exec(program.output())?.[0])
    expect(await until('the mock', look, { withinMs: 120_000 })).toMatch(/^\{"url"/)
    expect(await program.end('SIGINT')).toBe(0)
    expect(await readdir(elsewhere)).toEqual(['matrix.config.json'])
    await rm(elsewhere, { recursive: true })
  }, 180_000)

  test('is refused a set that is none, and one that the gateway does not take', async () => {
    const file = join(project, 'bad.json')
    await writeFile(file, JSON.stringify({ products: [] }))
    expect(await matrix('mock', '--set', file)).toMatchObject({ code: 2 })
    const collections = { c: { owner: 'a', renditions: { a: { r: { recipe: { nonsense: 1 } } } } } }
    await expect(startMock({ set: { products: { a: {} }, collections } })).rejects.toThrow('invalid-recipe')
  }, 120_000)
})
