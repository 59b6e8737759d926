/** A process that forks the embedded S3 server and then only lives: for tests of what becomes of the child. */
import { forkS3Server } from '../../src/embedded/s3/fork.ts'

const folder = process.argv[2] ?? ''
const server = await forkS3Server({ folder, accessKeyId: 'test-key', secretAccessKey: 'test-secret' })
process.stdout.write(`${JSON.stringify({ endpoint: server.endpoint, pid: server.pid })}\n`)
