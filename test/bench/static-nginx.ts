/** nginx with the files of a folder, one process, as fast as it sends them. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findNginx } from '../support/nginx.ts'
import { until } from '../support/until.ts'
import type { Server } from './warm.ts'
import { ended } from './world.ts'

/** nginx takes no port 0. */
const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })

/** `undefined`: there is none to be had. */
export const startStaticNginx = async (
  world: { readonly folder: string },
  root: string,
): Promise<Server | undefined> => {
  const program = await findNginx()
  if ('missing' in program) return undefined
  const folder = await mkdtemp(join(world.folder, 'nginx-'))
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${folder}/${name};`,
  )
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn; events { worker_connections 1024; }
     http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=1000; ${temporary.join(' ')}
       types { image/webp webp; image/jpeg jpg; }
       server { listen 127.0.0.1:${port}; root ${root}; add_header Cache-Control "private, max-age=5"; } }`,
  )
  const child = spawn(program.command, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    env: program.env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const address = `http://127.0.0.1:${port}`
  await until('nginx listens', () =>
    fetch(address).then(
      () => true,
      () => false,
    ),
  )
  return {
    address,
    pid: child.pid ?? 0,
    async stop() {
      await ended(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
