import { type ChildProcess, fork } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { lstat, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { type EmbeddedPostgres, type PostgresOptions, startPostgres } from '../../src/embedded/postgres.ts'
import { chooseAccount } from '../../src/embedded/postgres-account.ts'
import { findPostgres, restoreLinks } from '../../src/embedded/postgres-binaries.ts'
import { supervise } from '../../src/embedded/supervise.ts'
import type { ChildTask } from './embedded-postgres-child.ts'

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const tempFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-pg-'))
  undo.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const start = async (folder: string, options: Partial<PostgresOptions> = {}): Promise<EmbeddedPostgres> => {
  const server = await startPostgres({ folder, durable: false, ...options })
  undo.push(server.stop)
  return server
}

const query = async (server: EmbeddedPostgres, text: string): Promise<unknown[][]> => {
  const client = new pg.Client(server.connectionString)
  await client.connect()
  try {
    return (await client.query({ text, rowMode: 'array' })).rows
  } finally {
    await client.end()
  }
}

const spawn = (task: ChildTask): ChildProcess => {
  const child = fork(join(import.meta.dirname, 'embedded-postgres-child.ts'), [JSON.stringify(task)], {
    execArgv: ['--import', 'tsx'],
  })
  undo.push(async () => void child.kill('SIGKILL'))
  return child
}

const said = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once('message', message => resolve(Number(message)))
    child.once('exit', code => reject(new Error(`Expected the child to speak but it ended with ${code}`)))
  })

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const unfinished = (folder: string): string[] =>
  readdirSync(join(folder, '..')).filter(name => name.startsWith(`${basename(folder)}.new-`))

describe('startPostgres', () => {
  it('makes the folder on first use and finds its data on the next', async () => {
    const folder = join(await tempFolder(), 'not/there/yet')
    const first = await start(folder)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(await query(first, 'show server_encoding')).toEqual([['UTF8']])
    expect(await query(first, 'show listen_addresses')).toEqual([['']])
    await query(first, 'create table kept as select 42 as answer')
    await first.stop()
    expect(isRunning(first.pid)).toBe(false)

    const second = await start(folder)
    expect(await query(second, 'select answer from kept')).toEqual([[42]])
    expect(unfinished(folder)).toEqual([])
  })

  it('writes through to the disk unless told otherwise', async () => {
    const folder = join(await tempFolder(), 'pg')
    expect(await query(await start(folder, { durable: true }), 'show fsync')).toEqual([['on']])
  })

  it('leaves no Postgres behind when its process is killed', async () => {
    const folder = join(await tempFolder(), 'pg')
    const child = spawn({ run: 'postgres', folder })
    const pid = await said(child)
    expect(isRunning(pid)).toBe(true)
    child.kill('SIGKILL')
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false)
    expect(await query(await start(folder), 'select 1')).toEqual([[1]])
  })

  it('reports that Postgres was killed, and recovers what was committed', async () => {
    const folder = join(await tempFolder(), 'pg')
    const exits: string[] = []
    const first = await start(folder, { onExit: how => exits.push(how) })
    await query(first, 'create table kept as select 42 as answer')
    process.kill(first.pid, 'SIGKILL')
    await expect.poll(() => exits, { timeout: 10_000 }).toEqual(['SIGKILL'])
    const second = await start(folder)
    expect(await query(second, 'select answer from kept')).toEqual([[42]])
  })

  it('does not report an end that was asked for', async () => {
    const exits: string[] = []
    const server = await start(join(await tempFolder(), 'pg'), { onExit: how => exits.push(how) })
    await Promise.all([server.stop(), server.stop()])
    expect(exits).toEqual([])
  })

  it('begins anew when the first start was killed midway', async () => {
    const folder = join(await tempFolder(), 'pg')
    const child = spawn({ run: 'postgres', folder })
    const begun = () => unfinished(folder).some(name => existsSync(join(folder, '..', name, 'PG_VERSION')))
    await expect.poll(begun, { timeout: 20_000, interval: 1 }).toBe(true)
    child.kill('SIGKILL')
    await expect.poll(() => child.signalCode, { timeout: 10_000 }).toBe('SIGKILL')
    expect(existsSync(folder)).toBe(false)
    expect(await query(await start(folder), 'select 1')).toEqual([[1]])
    expect(unfinished(folder)).toEqual([])
  })

  it('refuses a folder that is in use', async () => {
    const folder = join(await tempFolder(), 'pg')
    const first = await start(folder)
    await expect(start(folder)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`process ${first.pid}`),
    })
    expect(await query(first, 'select 1')).toEqual([[1]])
  })

  it('refuses a folder with other things in it, and leaves them', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'thesis.txt'), 'the only copy')
    await expect(start(folder)).rejects.toMatchObject({ code: 'conflict' })
    expect(await readFile(join(folder, 'thesis.txt'), 'utf8')).toBe('the only copy')
  })

  it('is not stopped by a lock whose number now belongs to another process', async () => {
    const folder = join(await tempFolder(), 'pg')
    await (await start(folder)).stop()
    await writeFile(join(folder, 'postmaster.pid'), `${process.pid}\n${folder}\n`)
    expect(await query(await start(folder), 'select 1')).toEqual([[1]])
  })

  it('puts the socket elsewhere when the path of the folder is too long for one', async () => {
    const folder = join(await tempFolder(), 'long'.repeat(25))
    const server = await start(folder)
    undo.push(() => rm(server.connection.host, { recursive: true, force: true }))
    expect(server.connection.host).not.toBe(folder)
    expect(statSync(server.connection.host).mode & 0o777).toBe(0o700)
    expect(await query(server, 'select 1')).toEqual([[1]])
  })

  it('refuses a socket folder that is too long, or open to others', async () => {
    const parent = await tempFolder()
    const folder = join(parent, 'pg')
    await expect(start(folder, { socketFolder: `/tmp/${'long'.repeat(25)}` })).rejects.toMatchObject({
      code: 'invalid-request',
    })
    await mkdir(join(parent, 'open'), { mode: 0o755 })
    await expect(start(folder, { socketFolder: join(parent, 'open') })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('says what Postgres said when it does not start', async () => {
    const folder = join(await tempFolder(), 'pg')
    await (await start(folder)).stop()
    await writeFile(join(folder, 'postgresql.conf'), 'nonsense = yes\n')
    await expect(start(folder)).rejects.toMatchObject({
      code: 'dependency-unavailable',
      message: expect.stringContaining('nonsense'),
    })
  })
})

describe('findPostgres', () => {
  it('names what is missing where there are no binaries', async () => {
    await expect(findPostgres('plan9-mips')).rejects.toMatchObject({
      code: 'dependency-unavailable',
      message: expect.stringContaining('DATABASE_URL'),
    })
  })

  it('makes the library links that an install without scripts leaves out', async () => {
    const root = await tempFolder()
    await mkdir(join(root, 'native/lib'), { recursive: true })
    await writeFile(join(root, 'native/lib/libx.so.60.2'), '')
    const links = [{ source: 'native/lib/libx.so.60.2', target: 'native/lib/libx.so.60' }]
    await writeFile(join(root, 'native/pg-symlinks.json'), JSON.stringify(links))
    await Promise.all([restoreLinks(root), restoreLinks(root)])
    await restoreLinks(root)
    expect((await lstat(join(root, 'native/lib/libx.so.60'))).isSymbolicLink()).toBe(true)
    expect(await readlink(join(root, 'native/lib/libx.so.60'))).toBe('libx.so.60.2')
  })
})

describe('chooseAccount', () => {
  it.runIf(process.getuid?.() === 0)('becomes another user where root has no user namespaces', async () => {
    const { prefix, uid, gid } = await chooseAccount(async () => false)
    expect(prefix).toEqual([])
    expect(uid).toBeGreaterThan(0)
    expect(gid).toBeGreaterThan(0)
  })
})

describe('supervise', () => {
  it.each(['by-kernel', 'by-watchdog'] as const)('ends the child when its process is killed, told %s', async told => {
    const child = spawn({ run: 'sleep', told })
    const pid = await said(child)
    expect(isRunning(pid)).toBe(true)
    child.kill('SIGKILL')
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false)
  })

  it('goes on to stronger signals when the child does not listen', async () => {
    const lines: string[] = []
    const child = await supervise({
      command: ['sh', '-c', 'trap "echo no" INT; echo ready; while :; do sleep 0.05; done'],
      deathSignal: 'SIGKILL',
      stopWith: [{ signal: 'SIGINT', waitMs: 300 }],
      log: line => lines.push(line),
    })
    await expect.poll(() => lines, { timeout: 10_000 }).toContain('ready')
    await child.stop()
    expect(await child.exited).toBe('SIGKILL')
    expect(lines).toContain('no')
  })

  it('rejects when the command is not there', async () => {
    const absent = {
      command: ['/no/such/file'] as [string],
      deathSignal: 'SIGINT' as const,
      stopWith: [],
      log: () => undefined,
    }
    await expect(supervise({ ...absent, told: 'by-watchdog' })).rejects.toThrow('ENOENT')
    expect(await (await supervise({ ...absent, told: 'by-kernel' })).exited).toBe('exit code 127')
  })
})
