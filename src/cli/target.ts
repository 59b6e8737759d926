/** Which gateway a command talks to, and as whom. */
import { readFile } from 'node:fs/promises'
import { adminKeyPath, gatewayPath } from '../data-folder.ts'
import { CliFailure } from './failure.ts'

const DEFAULT_URL = 'http://127.0.0.1:8080'

/** Where the gateway on a data folder said that it listens. A killed one leaves its word behind: then nobody answers there. */
const announcedUrl = async (data: string): Promise<string | undefined> => {
  const text = await readFile(gatewayPath(data), 'utf8').catch(() => '{}')
  try {
    return (JSON.parse(text) as { url?: string }).url
  } catch {
    return undefined
  }
}

export const findUrl = async ({ url, data }: { url?: string; data: string }): Promise<string> => {
  const found = url ?? (await announcedUrl(data)) ?? DEFAULT_URL
  if (!URL.canParse(found)) throw new CliFailure(2, 'invalid-url', `Expected --url to be a URL but received ${found}.`)
  return found
}

export const readAdminKey = async (data: string): Promise<string> => {
  try {
    return (await readFile(adminKeyPath(data), 'utf8')).trim()
  } catch {
    throw new CliFailure(
      2,
      'no-key',
      `There is no key: give --key, or --data with the folder of a started gateway (looked in ${adminKeyPath(data)}).`,
    )
  }
}
