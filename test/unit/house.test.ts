/** The rules of the house that a reviewer should not have to remember. A broken one fails here with the place that breaks it. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const sources = ['src', 'workers'].flatMap(folder =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => join(folder, file)),
)
/** The noun that a file belongs to: its folder below src, or its own name. */
const nounOf = (file: string): string => {
  const [top = '', second = '', third] = file.split('/')
  return top === 'workers' ? top : third === undefined ? second.replace(/\.ts$/, '') : second
}
/** Without comments, which may say anything. */
const codeOf = (file: string): string => read(file).replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '')

describe('imports', () => {
  /** Each floor stands on those above it in this list only; those of one floor do not know each other. */
  const FLOORS = [
    ['lib'],
    ['model'],
    ['environment'],
    ['config', 'telemetry', 'queue', 'signals', 'data-folder'],
    ['ops', 'objects', 'outbound', 'rates', 'streams', 'scan', 'launch', 'reading'],
    ['manifest'],
    ['graph', 'policy', 'deliver', 'contracts'],
    ['ingest', 'transform', 'resolve', 'reconcile', 'events'],
    ['gateway'],
    ['prepare', 'engines', 'worker'],
    ['http', 'cli', 'embedded', 'sdk', 'console'],
    ['main', 'workers'],
  ]
  const EXCEPTIONS: Readonly<Record<string, string>> = {
    'src/ingest/identify.ts -> transform': 'an upload is probed by what will decode it',
    'src/cli/commands/events.ts -> sdk': 'a stream that goes on where it broke off is followed as products follow it',
    'src/cli/mock.ts -> embedded': 'a gateway of a test ends with it by the same means as embedded engines with theirs',
    'src/embedded/demo.ts -> cli': 'one demo set, made through the API by the first start and by `matrix seed`',
  }
  const floorOf = (noun: string): number => FLOORS.findIndex(floor => floor.includes(noun))

  const edges = sources.flatMap(from =>
    [...codeOf(from).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target = '']) => ({
      from,
      to: relative(ROOT, resolve(ROOT, dirname(from), target)),
    })),
  )

  test('are found, and every one of them names a file', () => {
    expect(edges.length).toBeGreaterThan(300)
    expect(edges.filter(({ to }) => !existsSync(join(ROOT, to)))).toEqual([])
  })

  test('every folder has its floor', () => {
    expect([...new Set(sources.map(nounOf))].filter(noun => floorOf(noun) === -1)).toEqual([])
  })

  test('nothing runs back up or across', () => {
    const wrong = edges
      .filter(({ from, to }) => nounOf(from) !== nounOf(to) && floorOf(nounOf(to)) >= floorOf(nounOf(from)))
      .map(({ from, to }) => `${from} -> ${nounOf(to)}`)
    expect([...new Set(wrong)].sort()).toEqual(Object.keys(EXCEPTIONS).sort())
  })

  test('no file is reached from itself, by types neither', () => {
    const targets = new Map(sources.map(file => [file, edges.filter(({ from }) => from === file).map(({ to }) => to)]))
    const done = new Set<string>()
    const circles: string[] = []
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
      if (done.has(file) || path.includes(file)) return
      for (const next of targets.get(file) ?? []) walk(next, [...path, file])
      done.add(file)
    }
    for (const file of sources) walk(file, [])
    expect(circles).toEqual([])
  })

  test('frameworks and drivers stay in their folders', () => {
    const HOMES: readonly [RegExp, readonly string[]][] = [
      [/^(hono|@hono\/)/, ['http']],
      [/^@tus\//, ['http']],
      [/^@aws-sdk\//, ['objects']],
      [/^bullmq/, ['queue']],
      [/^ioredis/, ['queue', 'rates', 'streams']],
      [/^rate-limiter-flexible/, ['rates']],
      [/^commander/, ['cli']],
      [/^drizzle-orm/, ['manifest']],
      [/^prom-client|^pino/, ['telemetry']],
      [/^@cedar-policy\//, ['policy']],
    ]
    const wrong = sources.flatMap(file =>
      [...codeOf(file).matchAll(/from\s+'([^.'][^']*)'/g)]
        .map(([, name = '']) => name)
        .filter(name => HOMES.some(([pattern, homes]) => pattern.test(name) && !homes.includes(nounOf(file))))
        .map(name => `${file}: ${name}`),
    )
    expect(wrong).toEqual([])
  })
})

describe('files', () => {
  test('none has outgrown its name', () => {
    const isPrinted = (text: string): boolean => text.startsWith('/** Printed by `npm run docs`')
    const long = sources.filter(file => read(file).split('\n').length > 300 && !isPrinted(read(file)))
    expect(long).toEqual([])
  })

  const ENTRY = /^(src\/main\.ts|src\/cli\/main\.ts|workers\/[^/]+\.ts)$/
  test('the environment is read by entry files alone', () => {
    expect(sources.filter(file => !ENTRY.test(file) && /process\.env\b/.test(codeOf(file)))).toEqual([])
  })

  test('only the command line prints to a console', () => {
    expect(sources.filter(file => nounOf(file) !== 'cli' && /\bconsole\./.test(codeOf(file)))).toEqual([])
  })

  test('nothing is left to be done', () => {
    expect(sources.filter(file => /\b(TODO|FIXME|XXX|HACK)\b/.test(read(file)))).toEqual([])
  })
})

describe('SQL', () => {
  /** String literals that begin like a statement. */
  const statementsOf = (file: string): readonly string[] =>
    [...codeOf(file).matchAll(/`((?:[^`\\]|\\.)*)`|'((?:[^'\\\n]|\\.)*)'/g)]
      .map(([, template, quoted]) => template ?? quoted ?? '')
      .filter(text =>
        /^\s*(select|insert into|update \w+ set|delete from|with \w+|create (table|schema)|alter)\s/i.test(text),
      )

  const ELSEWHERE: Readonly<Record<string, string>> = {
    'src/queue/backend.ts': 'asks for the version of the tables of BullMQ, which are not ours',
    'src/sdk/postgres-inbox.ts': 'marks in the database of the product that consumes',
  }
  test('is spoken in manifest/ alone', () => {
    const elsewhere = sources.filter(file => nounOf(file) !== 'manifest' && statementsOf(file).length > 0)
    expect(elsewhere).toEqual(Object.keys(ELSEWHERE))
  })

  const tables = [...read('migrations/schema.sql').matchAll(/^create table (\w+) \(\n([\s\S]*?)\n\);/gm)]
  const owned = tables.filter(([, , columns = '']) => /^ {2}tenant_id /m.test(columns)).map(([, name = '']) => name)

  /** Statements that are meant to see every tenant, by the words that identify them. */
  const ACROSS_TENANTS: Readonly<Record<string, string>> = {
    'with due as (select event_id, insert_no, row_number()': 'one sequencer numbers the events of all tenants',
    'select state, count(*)::int as count from node': 'gauges count the work of all tenants',
    "select failure ->> 'code' as code, count(*)": 'gauges count the quarantine of all tenants',
    'select state, count(*)::int as count from operation': 'gauges count the operations of all tenants',
    "update tus_upload set state = 'EXPIRED'": 'what has expired ends, whose ever it was',
    'select kind, state, count(*)::int as count from saga': 'gauges count the sagas of all tenants',
    'delete from idempotency where expires_at': 'what has expired goes, whose ever it was',
  }
  test('names the tenant wherever the table has one', () => {
    expect(owned.length).toBeGreaterThan(8)
    const statements = sources
      // The doctor examines the whole system.
      .filter(file => nounOf(file) === 'manifest' && file !== 'src/manifest/invariants.ts')
      .flatMap(file => statementsOf(file).map(text => text.trim()))
    expect(statements.length).toBeGreaterThan(20)
    const touches = new RegExp(`\\b(from|join|into|update)\\s+(${owned.join('|')})\\b`)
    const silent = statements.filter(text => touches.test(text) && !/\btenant_id\b/.test(text))
    const explained = Object.keys(ACROSS_TENANTS)
    expect(silent.filter(text => !explained.some(words => text.startsWith(words)))).toEqual([])
    expect(explained.filter(words => !silent.some(text => text.startsWith(words)))).toEqual([])
  })
})

describe('what is tracked', () => {
  const tracked = existsSync(join(ROOT, '.git'))
    ? execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
        .trim()
        .split('\n')
    : []
  const texts = tracked.filter(
    file => existsSync(join(ROOT, file)) && /\.(ts|js|json|md|ya?ml|sql|sh)$|^[^.]+$|^\.[^.]+$/.test(file),
  )

  test.skipIf(tracked.length === 0)('names no folder of a machine and no registry', () => {
    expect(texts.length).toBeGreaterThan(100)
    const places = new RegExp(
      ['(?<![\\w.}])/(home|Users|root|work)/\\w', 'registry\\.(npmjs|yarnpkg)', 'npmmirror'].join('|'),
    )
    expect(texts.filter(file => file !== 'test/unit/house.test.ts' && places.test(read(file)))).toEqual([])
  })

  test('the lock file installs from whichever registry is set up', () => {
    expect(read('package-lock.json')).not.toContain('"resolved": "http')
  })

  test('every script of package.json that a page names is there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = tracked
      .filter(file => file.endsWith('.md'))
      .flatMap(file => [...read(file).matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name))
    expect([...new Set(named)].filter(name => !(name in scripts))).toEqual([])
  })

  test('links between pages lead somewhere', () => {
    const broken = tracked
      .filter(file => file.endsWith('.md') && existsSync(join(ROOT, file)))
      .flatMap(file =>
        [...read(file).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
          .map(([, link = '']) => join(dirname(file), link))
          .filter(link => !existsSync(join(ROOT, link)))
          .map(link => `${file}: ${link}`),
      )
    expect(broken).toEqual([])
  })
})
