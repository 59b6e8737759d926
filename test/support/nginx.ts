/** A real nginx between clients and the gateway: as careless as it comes, or as docs/cdn has it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { supervise } from '../../src/embedded/supervise.ts'
import { type Cache, type CacheOptions, openAsk, readReference } from './cache.ts'
import { findProgram, type Program } from './debian.ts'
import { until } from './until.ts'

export type { Cache as Nginx } from './cache.ts'

export const findNginx = () =>
  findProgram({
    name: 'nginx',
    packages: ['nginx', 'libpcre2-8-0', 'libssl3', 'zlib1g', 'libcrypt1'],
    file: 'usr/sbin/nginx',
    versionFlag: '-v',
  })

const configuration = (folder: string, site: string): string => `
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
${site}
}`

/** Says in X-Cache what it did. The key is the URL: what must not be shared has to say so itself. */
const careless = (folder: string, origin: string): string => `
  proxy_cache_path ${folder}/cache keys_zone=shared:1m;
  server {
    listen unix:${folder}/socket;
    location / {
      proxy_pass ${origin};
      proxy_cache shared;
      proxy_cache_key $request_uri;
      add_header X-Cache $upstream_cache_status always;
    }
  }`

const launch = async ({ command, env }: Program, site: (folder: string) => Promise<string>): Promise<Cache> => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-nginx-'))
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, await site(folder)))
  const said: string[] = []
  const server = await supervise({
    command: [command, '-p', folder, '-c', join(folder, 'nginx.conf')],
    env,
    deathSignal: 'SIGKILL',
    stopWith: [{ signal: 'SIGTERM', waitMs: 5_000 }],
    log: line => said.push(line),
  })
  const socket = join(folder, 'socket')
  const ask = openAsk(socket)
  await until('nginx listens', async () => {
    if (server.exit() !== undefined) throw new Error(`nginx ended: ${said.join('; ')}`)
    return ask('/healthz').catch(() => undefined)
  })
  return {
    ask,
    socket,
    async remove() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const startNginx = (program: Program, origin: string): Promise<Cache> =>
  launch(program, async folder => careless(folder, origin))

/** With docs/cdn/nginx.conf. */
export const startReferenceNginx = (program: Program, { origin, ...secrets }: CacheOptions): Promise<Cache> =>
  launch(program, folder =>
    readReference('nginx.conf', secrets, {
      'gateway.internal:8080': new URL(origin).host,
      '/var/cache/nginx/matrix': `${folder}/cache`,
      'change-me-product': 'open|streamed',
      'https://change-me.example': 'https://shop.example',
      'listen 80;': `listen unix:${folder}/socket;`,
    }),
  )
