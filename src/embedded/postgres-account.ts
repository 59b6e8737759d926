/**
 * As whom Postgres runs. It refuses to run as root, as which containers and build machines often run us:
 * a user namespace that maps root to nobody satisfies it, and its files stay root's. Where user namespaces are
 * forbidden (Docker's default seccomp profile), root becomes `postgres` or `nobody` and the folders are given to it.
 */
import { chown, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MatrixError } from '../model/errors.ts'
import { works } from './supervise.ts'

export interface PostgresAccount {
  /** Put before the command. */
  readonly prefix: readonly string[]
  readonly uid?: number
  readonly gid?: number
}

const AS_NOBODY = ['unshare', '-U', '--map-user=65534', '--map-group=65534'] as const

const canMap = (): Promise<boolean> => works(AS_NOBODY[0], [...AS_NOBODY.slice(1), 'true'])

export const chooseAccount = async (hasUserNamespaces = canMap): Promise<PostgresAccount> => {
  if (process.getuid?.() !== 0) return { prefix: [] }
  if (await hasUserNamespaces()) return { prefix: AS_NOBODY }
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] =
      passwd
        .split('\n')
        .find(line => line.startsWith(`${name}:`))
        ?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { prefix: [], uid: Number(uid), gid: Number(gid) }
  }
  throw new MatrixError(
    'dependency-unavailable',
    'Expected a way to run Postgres as another user than root but user namespaces are forbidden here and /etc/passwd has ' +
      'neither postgres nor nobody. Run as an ordinary user, or set DATABASE_URL to a Postgres of your own.',
  )
}

/** Postgres wants to own its folder. A folder may change hands when it is first used in a container and then outside. */
export const giveTo = async (folder: string, account: PostgresAccount): Promise<void> => {
  if (process.getuid?.() !== 0) return
  const uid = account.uid ?? 0
  const gid = account.gid ?? 0
  if ((await stat(folder)).uid === uid) return
  for (const entry of await readdir(folder, { recursive: true })) await chown(join(folder, entry), uid, gid)
  await chown(folder, uid, gid) // last: an interrupted change of hands is taken up again
}
