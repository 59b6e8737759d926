/** S3 servers for suites: how to reach one, and the embedded one in a temporary folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startS3Server } from '../../src/embedded/s3/server.ts'

export interface TestS3 {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  close(): Promise<void>
}

export const startEmbeddedS3 = async ({ durable = false } = {}): Promise<TestS3 & { readonly folder: string }> => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-s3-'))
  const credentials = { accessKeyId: 'test-key', secretAccessKey: 'test-secret' }
  const server = await startS3Server({ folder, durable, ...credentials })
  return {
    ...credentials,
    folder,
    endpoint: server.endpoint,
    region: 'us-east-1',
    async close() {
      await server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
