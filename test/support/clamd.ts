/** A real ClamAV with two signatures of its own. Where none is to be had, suites skip with the reason in their name. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { supervise } from '../../src/embedded/supervise.ts'
import { findProgram, type Missing, type Program } from './debian.ts'
import { until } from './until.ts'

export const findClamd = (): Promise<Program | Missing> =>
  findProgram({
    name: 'clamd',
    packages: ['clamav-daemon', 'clamav-base', 'libclamav12', 'libxml2', 'libpcre2-8-0', 'libjson-c5', 'libmspack0'],
    file: 'usr/sbin/clamd',
    versionFlag: '--version',
  })

/** Anywhere in a file. */
export const MALWARE = Buffer.from('matrix-test-malware-5f1d')
const NAME = 'Matrix.Test'

export interface TestClamd {
  /** Of its socket. */
  readonly path: string
  readonly signature: string
  stop(): Promise<void>
}

const answers = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({ path }, () => socket.write('zPING\0'))
    socket.once('data', data => {
      socket.destroy()
      resolve(data.toString().startsWith('PONG'))
    })
    socket.once('error', () => resolve(false))
  })

export const startClamd = async ({ command, env }: Program): Promise<TestClamd> => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-clamd-'))
  const path = join(folder, 'socket')
  const signatures = join(folder, 'signatures')
  await mkdir(signatures)
  await writeFile(join(signatures, 'test.ndb'), `${NAME}:0:*:${MALWARE.toString('hex')}\n`)
  const digest = createHash('sha256').update(MALWARE).digest('hex')
  await writeFile(join(signatures, 'test.hsb'), `${digest}:${MALWARE.length}:${NAME}.Whole\n`)
  const settings = [
    `LocalSocket ${path}`,
    `DatabaseDirectory ${signatures}`,
    'Foreground yes',
    'StreamMaxLength 5M',
    'SelfCheck 0',
    `TemporaryDirectory ${folder}`,
  ]
  await writeFile(join(folder, 'clamd.conf'), `${settings.join('\n')}\n`)
  const server = await supervise({
    command: [command, '--config-file', join(folder, 'clamd.conf')],
    env,
    deathSignal: 'SIGKILL',
    stopWith: [{ signal: 'SIGTERM', waitMs: 10_000 }],
    log: () => undefined,
  })
  await until('clamd answers', async () => (await answers(path)) || server.exit() !== undefined, { withinMs: 30_000 })
  return {
    path,
    signature: `${NAME}.UNOFFICIAL`,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
