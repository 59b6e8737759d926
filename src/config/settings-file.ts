/** Finds and loads `matrix.config.ts`, `.mjs` or `.json`: in the folder where the process starts, or where ASSET_MATRIX_CONFIG says. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError, type Settings } from '../environment.ts'
import { missingBeside, readSettings } from './settings.ts'

const NAMES = ['matrix.config.ts', 'matrix.config.mjs', 'matrix.config.json']

type Environment = Readonly<Record<string, string | undefined>>

/** `undefined`: there is none. Throws where it is not plain which, or the one that is named is not there. */
export const findSettingsFile = (folder: string, environment: Environment): string | undefined => {
  const named = environment.ASSET_MATRIX_CONFIG
  if (named) {
    const path = resolve(folder, named)
    if (!existsSync(path)) throw new ConfigError(`ASSET_MATRIX_CONFIG: there is no file ${named}.`)
    return path
  }
  const found = NAMES.filter(name => existsSync(resolve(folder, name)))
  if (found.length > 1)
    throw new ConfigError(`There are ${found.join(' and ')}: keep one, or name it in ASSET_MATRIX_CONFIG.`)
  return found[0] && resolve(folder, found[0])
}

const load = async (path: string): Promise<unknown> => {
  if (extname(path) === '.json') return JSON.parse(await readFile(path, 'utf8'))
  if (extname(path) === '.ts') {
    // The operator's own file; nobody else's is ever evaluated.
    const { createJiti } = await import('jiti')
    return createJiti(pathToFileURL(path).href).import(path, { default: true })
  }
  return ((await import(pathToFileURL(path).href)) as { default?: unknown }).default
}

/** `undefined`: there is no file. Throws `ConfigError` where it cannot be read; what is wrong in it is among its problems. */
export const loadSettings = async (folder: string, environment: Environment): Promise<Settings | undefined> => {
  const path = findSettingsFile(folder, environment)
  if (path === undefined) return undefined
  const file = basename(path)
  const given = await load(path).catch(cause => {
    // Of a file that may hold secrets, where it breaks and not what stands there.
    throw new ConfigError(
      `${file} cannot be read: ${cause instanceof SyntaxError ? 'it is not well-formed' : (cause as Error).message}`,
    )
  })
  const settings = readSettings(given, file)
  return { ...settings, problems: [...settings.problems, ...missingBeside(given, environment)] }
}
