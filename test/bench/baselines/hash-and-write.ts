/** The reference of ingest: node's own server, hashing what it writes to a file, and nothing behind it. */
import { createHash, randomUUID } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const folder = process.argv[2] ?? ''
const server = createServer(async (incoming, outgoing) => {
  const path = join(folder, randomUUID())
  const file = await open(path, 'wx')
  const hash = createHash('sha256')
  for await (const chunk of incoming) {
    hash.update(chunk)
    await file.write(chunk)
  }
  await file.close()
  await unlink(path)
  outgoing.writeHead(201)
  outgoing.end(hash.digest('hex'))
})
server.requestTimeout = 0
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
