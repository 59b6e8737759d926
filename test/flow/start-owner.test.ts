/** A data folder that is used by its owner, then by root: as after `sudo npm start`, or in a container over a user's folder. */
import { execFile } from 'node:child_process'
import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DIST, startGateway } from '../support/started.ts'

const run = promisify(execFile)
/** A user that is everywhere and never runs this suite. */
const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
const [, uid = '', gid = ''] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? []
const [OWNER, GROUP] = [Number(uid), Number(gid)]

const asOwner = ['--reuid', uid, '--regid', gid, '--clear-groups', process.execPath]
const canChangeUser = async (): Promise<boolean> =>
  process.getuid?.() === 0 &&
  run('setpriv', [...asOwner, '-e', `require('fs').accessSync('${DIST}')`]).then(
    () => true,
    () => false,
  )

describe.skipIf(!(await canChangeUser()))('started by root on the folder of another user', () => {
  let root: string
  let data: string
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'matrix-owner-'))
    data = join(root, 'data')
    await mkdir(data, { mode: 0o700 })
    for (const folder of [root, data]) await chown(folder, OWNER, GROUP)
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  const ownersBelow = async (folder: string): Promise<Set<number>> => {
    const owners = new Set<number>()
    for (const name of await readdir(folder, { recursive: true })) owners.add((await stat(join(folder, name))).uid)
    return owners
  }

  test('it works as that user, who can go on with what it made', async () => {
    for (const _ of ['first use', 'again']) {
      const gateway = await startGateway({ ASSET_MATRIX_DATA: data, WORKERS: '1' })
      expect((await fetch(`${gateway.address}/readyz`)).status).toBe(200)
      const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8')
      expect(status).toMatch(new RegExp(`^Uid:(\\s+${OWNER}){4}$`, 'm'))
      expect(status).toMatch(new RegExp(`^Groups:\\s*${GROUP}\\s*$`, 'm'))
      expect(await gateway.end()).toBe(0)
      expect([...(await ownersBelow(data))]).toEqual([OWNER])
    }
  })

  test('a folder of root is refused to anybody else, in one line', async () => {
    const own = join(root, 'of-root')
    await mkdir(own, { mode: 0o700 })
    const env = { ASSET_MATRIX_DATA: own, PORT: '0', PATH: process.env.PATH ?? '' }
    const program = join(DIST, 'src/main.js')
    const ran = await run('setpriv', [...asOwner, program], { env }).catch(error => error)
    expect(ran.code).toBe(1)
    expect(ran.stderr).toBe(
      `The data folder ${own} belongs to root: start as that user, or set ASSET_MATRIX_DATA to another folder.\n`,
    )
  })
})
