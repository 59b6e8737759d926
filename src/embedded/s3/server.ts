/**
 * An S3 server for one machine: objects are files in a folder, signatures are always checked, and what was acknowledged
 * is on disk. It is the default where no other S3 is configured, and a second implementation for tests.
 *
 * Not supported, and refused rather than ignored: versions, ACLs, policies, object lock, virtual-host addressing.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { startCollecting } from './abandoned.ts'
import { type Credential, openAuthenticator } from './authenticate.ts'
import { openBody } from './body.ts'
import { hasBucket } from './buckets.ts'
import { handleCors } from './cors.ts'
import { openDisk } from './disk.ts'
import { S3Error, toS3Error } from './errors.ts'
import { readRequest } from './request.ts'
import { openRouter } from './route.ts'
import { xmlDocument } from './xml.ts'

export interface S3ServerOptions {
  /** One server per folder. */
  readonly folder: string
  readonly host?: string
  /** 0: any free one. */
  readonly port?: number
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region?: string
  /** Sync before acknowledging. Off, a power cut may lose what was acknowledged; a crash of the process still does not. */
  readonly durable?: boolean
  /** Told of every failure that is ours and was answered with 500. */
  readonly onError?: (error: unknown) => void
}

export interface S3Server {
  readonly endpoint: string
  readonly port: number
  /** Finishes what is under way, for at most ten seconds. */
  close(): Promise<void>
}

const IDLE_MS = 120_000
const DRAIN_MS = 10_000

export const startS3Server = async (options: S3ServerOptions): Promise<S3Server> => {
  const { host = '127.0.0.1', port = 0, region = 'us-east-1', durable = true } = options
  const disk = await openDisk({ folder: resolve(options.folder), durable })
  const authenticate = openAuthenticator({ ...options, region } satisfies Credential)
  const route = openRouter()

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    if (handleCors(incoming, outgoing)) return
    const request = readRequest(incoming)
    const authentication = authenticate(request, Date.now())
    const operation = route(request)
    const bucketFolder = join(disk.buckets, request.bucket)
    const createsBucket = request.key === '' && request.method === 'PUT'
    if (!createsBucket && !(await hasBucket(bucketFolder)))
      throw new S3Error('NoSuchBucket', 'The bucket does not exist')
    const body = () => openBody({ incoming, outgoing, request, authentication })
    await operation({ request, outgoing, disk, bucketFolder, body })
  }

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    try {
      await handle(incoming, outgoing)
    } catch (error) {
      const refusal = toS3Error(error)
      if (refusal.code === 'InternalError' && !outgoing.destroyed) options.onError?.(error)
      refuse(incoming, outgoing, refusal)
    }
    // Whatever was not read of the body; the connection serves the next request after it.
    incoming.resume()
  }

  const server = createServer({ keepAliveTimeout: IDLE_MS, requestTimeout: 0 }, serve).on('checkContinue', serve)
  server.setTimeout(IDLE_MS)
  await listen(server, host, port)
  const collecting = startCollecting(disk, error => options.onError?.(error))
  const { port: boundPort } = server.address() as AddressInfo
  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
    port: boundPort,
    async close() {
      await collecting.stop()
      await close(server)
    },
  }
}

const refuse = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { code, status, message, headers }: S3Error,
): void => {
  // Too late for another answer: a connection cut short tells the client that the body is not whole.
  if (outgoing.headersSent) return void outgoing.destroy()
  const xml = xmlDocument('Error', { Code: code, Message: message })
  outgoing.writeHead(status, {
    ...headers,
    'content-type': 'application/xml',
    'content-length': Buffer.byteLength(xml),
    // A client that was not told to continue does not send its body, and then nothing can follow on this connection.
    ...(incoming.headers.expect === undefined ? {} : { connection: 'close' }),
  })
  outgoing.end(incoming.method === 'HEAD' ? undefined : xml)
}

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      done()
    })
  })

const close = async (server: Server): Promise<void> => {
  const closed = new Promise<void>(done => server.close(() => done()))
  server.closeIdleConnections()
  const overdue = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(overdue)
}
