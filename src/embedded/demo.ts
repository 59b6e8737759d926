import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { DEMO_PRODUCTS, seedDemo } from '../cli/demo-set.ts'
import { productKeysPath, samplePhotoPath } from '../data-folder.ts'
import { newId } from '../model/ids.ts'
import { drawSamplePhoto } from './sample-photo.ts'

interface App {
  request(path: string, init: RequestInit): Response | Promise<Response>
}

/**
 * The demo set, on an embedded store that has no products of its own. The file of keys is written last and marks it done, so a
 * start that was killed in the middle is completed by the next. True when the demo is there.
 */
export const seedOnce = async (
  app: App,
  { adminKey, dataFolder }: { adminKey: string; dataFolder: string },
): Promise<boolean> => {
  const file = productKeysPath(dataFolder)
  if (existsSync(file)) return true
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const headers = {
      Authorization: `Bearer ${adminKey}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': newId(),
    }
    const response = await app.request(path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    if (!response.ok)
      throw new Error(
        `The demo set could not be made: ${method} ${path} answered ${response.status} ${await response.text()}`,
      )
    return response.json()
  }
  const { items } = (await call('GET', '/v1/products')) as { items: { product: string }[] }
  if (items.some(({ product }) => !Object.hasOwn(DEMO_PRODUCTS, product))) return false
  await drawSamplePhoto(samplePhotoPath(dataFolder))
  await writeFile(file, `${JSON.stringify(await seedDemo(call), null, 2)}\n`, { mode: 0o600 })
  return true
}
