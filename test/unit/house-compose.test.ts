/** compose.yaml and the Dockerfile against the code that they start: names, files and variables that exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readConfig, VARIABLES } from '../../src/config.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

interface Service {
  readonly image: string
  readonly build?: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly read_only?: boolean
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const { services, volumes } = parse(read('compose.yaml'), { merge: true }) as Compose
const all = Object.entries(services)
const ours = all.filter(([, { build }]) => build !== undefined)
const known = new Set<string>(Object.values(VARIABLES).map(({ env }) => env))

/** As compose fills it in: what has no default is given. */
const interpolate = (text: string, given: Readonly<Record<string, string>>): string =>
  text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, fallback = '') => {
    const value = given[name] ?? (kind === '-' ? fallback : undefined)
    if (value === undefined) throw new Error(`${name} is required`)
    return value
  })
const GIVEN = {
  POSTGRES_PASSWORD: 'p4ssw0rd',
  S3_ACCESS_KEY_ID: 'key',
  S3_SECRET_ACCESS_KEY: 'secret',
  ASSET_MATRIX_ADMIN_KEY: 'admin',
}

describe('compose.yaml', () => {
  test('has the engines and a process for each part', () => {
    expect(Object.keys(services).sort()).toEqual([
      'gateway',
      'migrate',
      'postgres',
      'redis',
      's3',
      'sweep',
      'transform',
    ])
    expect(ours.map(([name]) => name).sort()).toEqual(['gateway', 'migrate', 'sweep', 'transform'])
  })

  test('images are pinned', () => {
    for (const [name, { image }] of all) expect(image, name).toMatch(/:[\w.-]*\d[\w.-]*$/)
  })

  test('engines say when they are ready, and those who need them wait', () => {
    for (const name of ['postgres', 'redis', 's3']) {
      expect(services[name]?.healthcheck?.test?.[0], name).toBe('CMD')
      expect(services.migrate?.depends_on?.[name]?.condition).toBe('service_healthy')
    }
    for (const name of ['gateway', 'transform', 'sweep'])
      expect(services[name]?.depends_on?.migrate?.condition).toBe('service_completed_successfully')
    for (const [name, { depends_on = {} }] of all)
      expect(
        Object.keys(depends_on).filter(other => !(other in services)),
        name,
      ).toEqual([])
  })

  test('workers listen where their health is asked for, and publish no port', () => {
    for (const name of ['transform', 'sweep']) {
      const { environment = {}, healthcheck, ports } = services[name] ?? {}
      expect(environment.OPS_PORT, name).toMatch(/^\d+$/)
      expect(healthcheck?.test?.at(-1), name).toContain(`http://127.0.0.1:${environment.OPS_PORT}/readyz`)
      expect(ports, name).toBeUndefined()
    }
    expect(services.gateway?.environment?.OPS_PORT).toBeUndefined()
  })

  test('commands start files that the build makes', () => {
    for (const [name, { command = [] }] of ours) {
      const file = command.find(part => part.startsWith('dist/'))
      if (file) expect(existsSync(join(ROOT, file.replace(/^dist\//, '').replace(/\.js$/, '.ts'))), name).toBe(true)
    }
    expect(ours.filter(([, { command }]) => command === undefined).map(([name]) => name)).toEqual(['gateway'])
  })

  test.each(ours)(
    '%s is configured by variables that exist, with values that are valid',
    (_name, { environment = {} }) => {
      expect(Object.keys(environment).filter(name => !known.has(name))).toEqual([])
      const filled = Object.fromEntries(
        Object.entries(environment).map(([name, value]) => [name, interpolate(value, GIVEN)]),
      )
      const config = readConfig(filled, { cores: 2, terminal: false })
      expect(config).toMatchObject({
        databaseUrl: expect.stringContaining('@postgres:5432/'),
        redisUrl: 'redis://redis:6379',
      })
    },
  )

  test.each(Object.keys(GIVEN))('without %s nothing starts', name => {
    const text = read('compose.yaml').replace(/^#.*$/gm, '')
    const { [name as keyof typeof GIVEN]: _, ...rest } = GIVEN
    expect(() => interpolate(text, rest)).toThrow(`${name} is required`)
    expect(() => interpolate(text, GIVEN)).not.toThrow()
  })

  test('volumes are named and declared, and our processes write nowhere else', () => {
    const used = all.flatMap(([, service]) => (service.volumes ?? []).map(volume => volume.split(':')[0] ?? ''))
    expect([...new Set(used)].sort()).toEqual(Object.keys(volumes).sort())
    for (const [name, { read_only }] of ours) expect(read_only, name).toBe(true)
  })
})

describe('Dockerfile', () => {
  const text = read('Dockerfile')
  test('copies what exists and is not ignored', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter(line => line.startsWith('!'))
      .map(line => line.slice(1))
    const copied = [...text.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, all = '']) => all.split(' ').slice(0, -1))
    for (const file of copied) {
      expect(existsSync(join(ROOT, file)), file).toBe(true)
      expect(
        allowed.some(name => file === name || file.startsWith(`${name}/`)),
        file,
      ).toBe(true)
    }
  })

  test('runs as an ordinary user, on the Node that package.json asks for, with variables that exist', () => {
    expect(text).toMatch(/^USER node$/m)
    expect(text).toMatch(/^HEALTHCHECK /m)
    expect(text).toMatch(/^ARG NODE_IMAGE=node:20\./m)
    const [, set = ''] = /^ENV (.+)$/m.exec(text) ?? []
    const names = set.split(' ').map(pair => pair.split('=')[0] ?? '')
    expect(names.filter(name => name !== 'NODE_ENV' && !known.has(name))).toEqual([])
  })
})
