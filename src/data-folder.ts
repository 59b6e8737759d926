/** Where things are in the data folder of the embedded default. */
import { join } from 'node:path'

export const adminKeyPath = (dataFolder: string): string => join(dataFolder, 'admin.key')
/** Keys of the demo products: `{"shop-web": "mtx_live_…"}`. */
export const productKeysPath = (dataFolder: string): string => join(dataFolder, 'keys.json')
