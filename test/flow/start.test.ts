/** What a person meets who starts the built program with one command, and what is left when it ends in any way. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { descendantsOf, living } from '../support/process-tree.ts'
import { type StartedGateway, spawnProgram, startGateway } from '../support/started.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'matrix-start-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const folder = (name: string): string => join(root, name)
const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'))
/** The pasted lines of a banner. */
const linesOf = (gateway: StartedGateway): string =>
  gateway
    .output()
    .split('\n')
    .filter(line => /^ {2}(SHOP=|ID=|curl )/.test(line))
    .join('\n')
const allGone = (pids: readonly number[]) =>
  until('every process is gone', async () => (await living(pids)).length === 0, { withinMs: 20_000 })

describe('on an empty folder', () => {
  let gateway: StartedGateway
  let below: number[]
  beforeAll(async () => {
    // A folder with characters that shells and libpq care about.
    gateway = await startGateway({ ASSET_MATRIX_DATA: folder("it's here"), WORKERS: '1' })
    below = await descendantsOf(gateway.pid)
  })
  afterAll(() => gateway.end('SIGKILL'))

  test('the three lines of the banner work when pasted into a plain shell', async () => {
    const lines = linesOf(gateway)
    expect(lines.split('\n')).toHaveLength(3)
    await run('sh', ['-ec', lines], { cwd: root })
    expect(await sharp(join(root, 'card.jpg')).metadata()).toMatchObject({ format: 'jpeg', width: 400 })
  })

  test('nothing but the banner is of interest: no warnings, and logs are lines of JSON', () => {
    const [before = '', after = ''] = gateway.output().split(/\nAsset Matrix is ready[\s\S]*Stop: Ctrl-C\n/)
    for (const line of [...before.split('\n'), ...after.split('\n')].filter(text => text.trim() !== ''))
      expect(JSON.parse(line)).toMatchObject({ level: 30 })
  })

  test('what is secret is readable by its owner only', async () => {
    const data = folder("it's here")
    expect((await stat(data)).mode & 0o777).toBe(0o700)
    for (const name of ['admin.key', 'keys.json', 's3.key'])
      expect((await stat(join(data, name))).mode & 0o777).toBe(0o600)
  })

  test('a second start on the folder says who has it and leaves it alone', async () => {
    const second = spawnProgram('src/main.js', { ASSET_MATRIX_DATA: folder("it's here"), PORT: '0' })
    expect(await second.ended).toBe(1)
    expect(second.output().trim().split('\n')).toEqual([
      expect.stringMatching(new RegExp(`in use by process ${gateway.pid}, which listens on ${gateway.address}: `)),
    ])
    expect((await fetch(`${gateway.address}/readyz`)).status).toBe(200)
  })

  test('Ctrl-C ends everything in order, also when it arrives twice as npm makes it', async () => {
    expect(below.length).toBeGreaterThanOrEqual(3) // Postgres and its own, S3, a decode process
    gateway.child.kill('SIGINT')
    gateway.child.kill('SIGINT')
    expect(await gateway.ended).toBe(0)
    await allGone(below)
    expect(existsSync(join(folder("it's here"), 'gateway.json'))).toBe(false)
    expect(existsSync(join(folder("it's here"), 'postgres', 'postmaster.pid'))).toBe(false)
  })

  test('the next start finds keys, assets and bytes again and makes nothing anew', async () => {
    const data = folder("it's here")
    const keys = await readJson(join(data, 'keys.json'))
    const again = await startGateway({ ASSET_MATRIX_DATA: data, WORKERS: '1' })
    try {
      expect(await readJson(join(data, 'keys.json'))).toEqual(keys)
      expect(again.output()).not.toContain('shown this once')
      const headers = { Authorization: `Bearer ${keys['shop-web']}` }
      const { items } = (await (
        await fetch(`${again.address}/v1/assets?collection=product-photo`, { headers })
      ).json()) as {
        items: { id: string }[]
      }
      expect(items).toHaveLength(1)
      const card = await fetch(`${again.address}/v1/products/shop-web/assets/${items[0]?.id}/renditions/card`, {
        headers,
      })
      expect(card.status).toBe(200)
      expect(await sharp(Buffer.from(await card.arrayBuffer())).metadata()).toMatchObject({ width: 400 })
    } finally {
      await again.end('SIGINT')
    }
  })
})

describe('killed without warning', () => {
  test('it leaves no process behind, and the next start, at once, takes over', async () => {
    const data = folder('killed')
    const first = await startGateway({ ASSET_MATRIX_DATA: data, WORKERS: '1', ASSET_MATRIX_DEMO: '0' })
    const below = await descendantsOf(first.pid)
    expect(below.length).toBeGreaterThanOrEqual(3)
    await first.end('SIGKILL')
    expect(existsSync(join(data, 'gateway.json'))).toBe(true)
    const second = await startGateway({ ASSET_MATRIX_DATA: data, WORKERS: '1', ASSET_MATRIX_DEMO: '0' })
    await allGone(below)
    expect((await fetch(`${second.address}/readyz`)).status).toBe(200)
    expect((await readJson(join(data, 'gateway.json'))).url).toBe(second.address)
    expect(await second.end()).toBe(0)
  })

  test('a claim by a process number that was given away since is no claim', async () => {
    const data = folder('killed')
    await writeFile(join(data, 'gateway.json'), JSON.stringify({ pid: process.pid, born: 'before' }))
    const gateway = await startGateway({ ASSET_MATRIX_DATA: data, WORKERS: '1', ASSET_MATRIX_DEMO: '0' })
    expect(await gateway.end()).toBe(0)
  })
})

describe('what cannot work is said in one line', () => {
  test('a port that is taken', async () => {
    const other = createServer()
    await new Promise<void>(done => other.listen(0, '127.0.0.1', done))
    const { port } = other.address() as { port: number }
    const gateway = spawnProgram('src/main.js', {
      ASSET_MATRIX_DATA: folder('killed'),
      PORT: String(port),
      ASSET_MATRIX_DEMO: '0',
    })
    expect(await gateway.ended).toBe(1)
    expect(gateway.output()).toBe(
      `Port ${port} of 127.0.0.1 is taken: set PORT to another one, or to 0 for any that is free.\n`,
    )
    expect(existsSync(join(folder('killed'), 'gateway.json'))).toBe(false)
    await new Promise(done => other.close(done))
  })

  test('variables that are wrong, all at once and without their values', async () => {
    const gateway = spawnProgram('src/main.js', {
      PORT: 'hello',
      WORKERS: 'lots',
      DATABASE_URL: 'mysql://u:secret@h/d',
    })
    expect(await gateway.ended).toBe(2)
    expect(
      gateway
        .output()
        .split('\n')
        .filter(line => /^ {2}[A-Z_]+: expected/.test(line)),
    ).toHaveLength(3)
    expect(gateway.output()).not.toMatch(/secret|hello|lots/)
  })

  test('a database that is away', async () => {
    const gateway = spawnProgram('src/main.js', {
      ASSET_MATRIX_DATA: folder('away'),
      DATABASE_URL: 'postgres://nobody:hidden@127.0.0.1:1/none',
      PORT: '0',
    })
    expect(await gateway.ended).toBe(1)
    const said = gateway.output().trim().split('\n')
    expect(said.filter(line => line.includes('trying again'))).toHaveLength(5)
    const others = said.filter(line => !line.includes('trying again') && !line.includes('"msg":"Postgres is away"'))
    expect(others).toEqual([expect.stringMatching(/^Postgres.*ECONNREFUSED/)])
    expect(gateway.output()).not.toContain('hidden')
  })

  test.each(['transform', 'sweep', 'migrate'])('%s, when it is told of no engines', async name => {
    const worker = spawnProgram(`workers/${name}.js`, { ASSET_MATRIX_DATA: folder('none') })
    expect(await worker.ended).toBe(2)
    expect(worker.output().trim().split('\n')).toEqual([expect.stringContaining('needs DATABASE_URL and S3_ENDPOINT')])
  })
})
