/**
 * A real S3 that others wrote: Ceph's gateway from Debian packages (monitor, one in-memory object daemon, gateway), on free
 * ports of the loopback with a folder of its own. Where the packages are missing, `findRgw` gives the reason, and suites
 * skip with it in their name; as root, `ASSET_MATRIX_INSTALL=1` installs them. Up in about 15 s, some 300 MB of memory.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PLAIN_ENV, type Supervised, supervise } from '../../src/embedded/supervise.ts'
import type { TestS3 } from './s3-server.ts'
import { until } from './until.ts'

const run = promisify(execFile)

const PACKAGES = ['ceph-mon', 'ceph-osd', 'ceph-common', 'radosgw']
const COMMANDS = ['ceph-mon', 'ceph-osd', 'ceph', 'ceph-authtool', 'monmaptool', 'radosgw', 'radosgw-admin']

/** `undefined` when it can be started, else why not. */
export const findRgw = async (): Promise<string | undefined> => {
  if (await hasCommands()) return undefined
  if (process.env.ASSET_MATRIX_INSTALL !== '1') return 'the Ceph packages are missing and ASSET_MATRIX_INSTALL is not 1'
  if (process.getuid?.() !== 0) return 'the Ceph packages are missing and only root can install them'
  try {
    const env = { ...PLAIN_ENV, DEBIAN_FRONTEND: 'noninteractive' }
    await run('apt-get', ['update'], { env })
    await run('apt-get', ['install', '-y', '--no-install-recommends', ...PACKAGES], { env, maxBuffer: 64 * 1024 ** 2 })
  } catch (error) {
    return `the Ceph packages cannot be installed: ${String((error as Error).message).split('\n')[0]}`
  }
  return (await hasCommands()) ? undefined : 'the Ceph packages lack a command'
}

const hasCommands = async (): Promise<boolean> => {
  const found = await Promise.all(
    COMMANDS.map(command => run('which', [command], { env: PLAIN_ENV }).catch(() => undefined)),
  )
  return found.every(path => path !== undefined)
}

export const startRgw = async (): Promise<TestS3> => {
  // Ports are found free and then used by others' programs: somebody may come in between, and the next ports are free again.
  for (let tries = 1; ; tries++) {
    const cluster = await openCluster()
    try {
      return await launch(cluster)
    } catch (error) {
      await cluster.close()
      if (tries === 3) throw error
    }
  }
}

interface Cluster {
  readonly folder: string
  readonly conf: string
  readonly monitor: string
  readonly gatewayPort: number
  /** A daemon that ends fails whatever is waited for, with its last words. */
  daemon(name: string, args: readonly string[]): Promise<void>
  command(name: string, args: readonly string[]): Promise<string>
  check(): void
  close(): Promise<void>
}

const openCluster = async (): Promise<Cluster> => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-rgw-'))
  await Promise.all(['mon', 'osd', 'log'].map(name => mkdir(join(folder, name))))
  const [monitorPort, gatewayPort] = await Promise.all([freePort(), freePort()])
  const monitor = `[v2:127.0.0.1:${monitorPort}]`
  const conf = join(folder, 'ceph.conf')
  await writeFile(conf, settings({ folder, monitor, gatewayPort }))
  const daemons: { name: string; server: Supervised; lastLines: string[] }[] = []
  const check = (): void => {
    for (const { name, server, lastLines } of daemons) {
      const how = server.exit()
      if (how !== undefined) throw new Error(`${name} ended with ${how}: ${lastLines.join(' | ')}`)
    }
  }
  return {
    folder,
    conf,
    monitor,
    gatewayPort,
    check,
    async daemon(name, args) {
      const lastLines: string[] = []
      const server = await supervise({
        command: [name, '-c', conf, ...args, '-f'],
        deathSignal: 'SIGKILL',
        stopWith: [],
        log: line => void (lastLines.push(line) > 5 && lastLines.shift()),
      })
      daemons.push({ name, server, lastLines })
    },
    async command(name, args) {
      const { stdout } = await run(name, [...args], { env: PLAIN_ENV, timeout: 30_000, killSignal: 'SIGKILL' })
      return stdout
    },
    async close() {
      // All is in memory and goes: nothing to shut down in order.
      await Promise.all(daemons.map(({ server }) => server.stop()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const launch = async (cluster: Cluster): Promise<TestS3> => {
  const { folder, conf, monitor, gatewayPort, daemon, command, check } = cluster
  const keyring = join(folder, 'keyring')
  await createKeys(cluster, keyring)
  const map = join(folder, 'monmap')
  await command('monmaptool', ['--create', '--addv', 'a', monitor, '--fsid', randomUUID(), map])
  await command('ceph-mon', ['-c', conf, '-i', 'a', '--mkfs', '--monmap', map, '--keyring', keyring])
  await daemon('ceph-mon', ['-i', 'a'])

  // One identity for every try: a try whose answer was lost has made daemon 0 already, and the next one finds it.
  const osd = randomUUID()
  await eventually(cluster, 'the monitor knows the object daemon', () =>
    command('ceph', ['-c', conf, '--connect-timeout', '5', 'osd', 'create', osd]),
  )
  await command('ceph-osd', ['-c', conf, '-i', '0', '--mkfs', '--osd-uuid', osd])
  await daemon('ceph-osd', ['-i', '0'])
  await eventually(cluster, 'the object daemon is up', async () => {
    const { num_up_osds: up } = JSON.parse(await command('ceph', ['-c', conf, 'osd', 'stat', '-f', 'json']))
    return up === 1
  })

  const credentials = { accessKeyId: 'test-key', secretAccessKey: 'test-secret' }
  const keys = [`--access-key=${credentials.accessKeyId}`, `--secret-key=${credentials.secretAccessKey}`]
  await command('radosgw-admin', ['-c', conf, 'user', 'create', '--uid=test', '--display-name=test', ...keys])
  await daemon('radosgw', ['-n', 'client.admin'])
  const endpoint = `http://127.0.0.1:${gatewayPort}`
  await eventually(cluster, 'the gateway answers', async () => (await fetch(endpoint)).headers.has('x-amz-request-id'))
  check()
  return { ...credentials, endpoint, region: 'us-east-1', close: cluster.close }
}

const eventually = (cluster: Cluster, what: string, attempt: () => Promise<string | boolean>): Promise<unknown> =>
  until(
    what,
    () => {
      cluster.check()
      return attempt().catch(() => undefined)
    },
    { withinMs: 60_000, everyMs: 100 },
  )

const createKeys = async ({ command }: Cluster, keyring: string): Promise<void> => {
  const all = ['mon', 'osd', 'mgr'].flatMap(service => ['--cap', service, 'allow *'])
  const osd = ['--cap', 'mon', 'allow profile osd', '--cap', 'osd', 'allow *', '--cap', 'mgr', 'allow profile osd']
  await command('ceph-authtool', ['--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *'])
  await command('ceph-authtool', [keyring, '--gen-key', '-n', 'client.admin', ...all])
  await command('ceph-authtool', [keyring, '--gen-key', '-n', 'osd.0', ...osd])
}

/** One copy of everything and no manager daemon. Signatures between daemons stay on: the gateway needs them. */
const settings = ({
  folder,
  monitor,
  gatewayPort,
}: {
  folder: string
  monitor: string
  gatewayPort: number
}): string => `
[global]
fsid = ${randomUUID()}
mon_host = ${monitor}
mon_initial_members = a
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = ${folder}/keyring
ms_bind_msgr1 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
run_dir = ${folder}
admin_socket = ${folder}/$name.$pid.asok
log_file = ${folder}/log/$name.log
[mon]
mon_data = ${folder}/mon
[osd]
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_class_load_list = *
osd_class_default_list = *
[client.admin]
rgw_frontends = beast endpoint=127.0.0.1:${gatewayPort}
rgw_enable_apis = s3, admin
`

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
