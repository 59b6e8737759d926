/** The embedded S3 server as a process of its own, on a folder of the environment; tells its address. */
import { startS3Server } from '../../src/embedded/s3/server.ts'

const { S3_FOLDER: folder = '' } = process.env
const server = await startS3Server({ folder, durable: false, accessKeyId: 'test-key', secretAccessKey: 'test-secret' })
process.send?.(server.endpoint)
process.on('disconnect', () => process.exit())
