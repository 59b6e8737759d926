/** Where things are in the data folder of the embedded default. */
import { join } from 'node:path'

export const adminKeyPath = (dataFolder: string): string => join(dataFolder, 'admin.key')
/** Keys of the demo products: `{"shop-web": "mtx_live_…"}`. */
export const productKeysPath = (dataFolder: string): string => join(dataFolder, 'keys.json')
/** Who uses the folder, and where it listens: `{"pid": 1, "born": "…", "url": "http://…"}`. Only there while somebody does. */
export const gatewayPath = (dataFolder: string): string => join(dataFolder, 'gateway.json')
/** A picture to try things with, made with the demo set. */
export const samplePhotoPath = (dataFolder: string): string => join(dataFolder, 'photo.jpg')
