/** A real nginx as the shared cache between clients and the gateway, as careless as it comes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { supervise } from '../../src/embedded/supervise.ts'
import { findProgram, type Program } from './debian.ts'
import { until } from './until.ts'

export const findNginx = () =>
  findProgram({
    name: 'nginx',
    packages: ['nginx', 'libpcre2-8-0', 'libssl3', 'zlib1g', 'libcrypt1'],
    file: 'usr/sbin/nginx',
    versionFlag: '-v',
  })

/** Says in X-Cache what it did. The key is the URL: what must not be shared has to say so itself. */
const configuration = (folder: string, origin: string): string => `
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  proxy_cache_path ${folder}/cache keys_zone=shared:1m;
  server {
    listen unix:${folder}/socket;
    location / {
      proxy_pass ${origin};
      proxy_cache shared;
      proxy_cache_key $request_uri;
      add_header X-Cache $upstream_cache_status always;
    }
  }
}`

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Nginx {
  ask(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>
  remove(): Promise<void>
}

const askThrough =
  (socketPath: string): Nginx['ask'] =>
  (path, headers = {}) =>
    new Promise((resolve, reject) => {
      const asked = request({ socketPath, path, headers: { host: 'cdn.test', ...headers } }, async response => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        const body = Buffer.concat(chunks).toString('latin1')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      })
      asked.on('error', reject).end()
    })

export const startNginx = async ({ command, env }: Program, origin: string): Promise<Nginx> => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-nginx-'))
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, origin))
  const said: string[] = []
  const server = await supervise({
    command: [command, '-p', folder, '-c', join(folder, 'nginx.conf')],
    env,
    deathSignal: 'SIGKILL',
    stopWith: [{ signal: 'SIGTERM', waitMs: 5_000 }],
    log: line => said.push(line),
  })
  const ask = askThrough(join(folder, 'socket'))
  await until('nginx listens', async () => {
    if (server.exit() !== undefined) throw new Error(`nginx ended: ${said.join('; ')}`)
    return ask('/healthz').catch(() => undefined)
  })
  return {
    ask,
    async remove() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
