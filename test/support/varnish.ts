/** A real Varnish between clients and the gateway: with its built-in rules alone, or as docs/cdn has it. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PLAIN_ENV, supervise } from '../../src/embedded/supervise.ts'
import { type Cache, type CacheOptions, openAsk, readReference } from './cache.ts'
import { findProgram, type Missing, type Program } from './debian.ts'
import { until } from './until.ts'

/** It compiles its configuration when it starts. */
const hasCompiler = (): Promise<boolean> =>
  promisify(execFile)('gcc', ['--version'], { env: PLAIN_ENV }).then(
    () => true,
    () => false,
  )

export const findVarnish = async (): Promise<Program | Missing> => {
  if (!(await hasCompiler())) return { missing: 'no gcc on PATH, which Varnish compiles its configuration with' }
  return findProgram({
    name: 'varnishd',
    packages: ['varnish', 'libvarnishapi3', 'libedit2', 'libjemalloc2', 'libncursesw6', 'libtinfo6', 'libpcre2-8-0'],
    file: 'usr/sbin/varnishd',
    versionFlag: '-V',
  })
}

/** Beside the libraries, where it was unpacked. */
const modulesOf = ({ LD_LIBRARY_PATH = '' }: Program['env']): readonly string[] => {
  const folders = LD_LIBRARY_PATH.split(':').filter(Boolean)
  return folders.length === 0 ? [] : ['-p', `vmod_path=${folders.map(folder => `${folder}/varnish/vmods`).join(':')}`]
}

const launch = async ({ command, env }: Program, vcl: string): Promise<Cache> => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-varnish-'))
  await writeFile(join(folder, 'matrix.vcl'), vcl)
  const said: string[] = []
  const socket = join(folder, 'socket')
  const server = await supervise({
    command: [
      command,
      ...['-F', '-j', 'none', '-T', 'none', '-n', join(folder, 'work'), '-a', socket, '-f', join(folder, 'matrix.vcl')],
      ...['-s', 'malloc,64m', '-p', 'thread_pools=1', '-p', 'thread_pool_min=20', ...modulesOf(env)],
    ],
    env,
    deathSignal: 'SIGTERM',
    stopWith: [{ signal: 'SIGTERM', waitMs: 10_000 }],
    log: line => said.push(line),
  })
  const ask = openAsk(socket)
  await until(
    'Varnish listens',
    async () => {
      if (server.exit() !== undefined) throw new Error(`Varnish ended: ${said.join('; ')}`)
      return ask('/healthz').catch(() => undefined)
    },
    { withinMs: 60_000 },
  )
  return {
    ask,
    socket,
    async remove() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What it does without being told anything; X-Cache says what it did. */
export const startVarnish = (program: Program, origin: string): Promise<Cache> => {
  const { hostname, port } = new URL(origin)
  const vcl = `vcl 4.1;
backend gateway { .host = "${hostname}"; .port = "${port}"; }
sub vcl_deliver { if (obj.hits > 0) { set resp.http.X-Cache = "HIT"; } else { set resp.http.X-Cache = "MISS"; } }`
  return launch(program, vcl)
}

/** With docs/cdn/varnish.vcl. Through a socket of the file system clients have no address: that is who may purge here. */
export const startReferenceVarnish = async (
  program: Program,
  { origin, ...secrets }: CacheOptions,
  places: Readonly<Record<string, string>> = {},
): Promise<Cache> => {
  const { hostname, port } = new URL(origin)
  const vcl = await readReference('varnish.vcl', secrets, {
    'gateway.internal': hostname,
    'change-me\\.example': 'shop\\.example',
    '"8080"': `"${port}"`,
    '"10.0.0.0"/8': '"0.0.0.0"',
    ...places,
  })
  return launch(program, vcl)
}
