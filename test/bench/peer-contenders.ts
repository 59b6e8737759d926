/** Those who are compared, each asked over HTTP for a photograph of a round, a copy that nobody has asked for before. */
import pg from 'pg'
import { call, renditionPath, setUp, upload } from './client.ts'
import type { Peers } from './peer-servers.ts'
import { treeCpuMs } from './processes.ts'
import type { Gateway, World } from './world.ts'

export const WIDTHS = [400, 800, 1600]
export const QUALITY = 80

export interface Spent {
  /** CPU of its own processes. */
  readonly cpuMs: number
  /** Of Postgres and S3, where it has them. */
  readonly enginesMs: number
  /** What of its own CPU went into pictures, where it says so. */
  readonly imageMs: number
}

/** One kind of derivative from one of those who are compared. */
export interface Contender {
  readonly name: string
  readonly format: 'webp' | 'jpeg'
  /** The bare pipeline that encodes in the same way. */
  readonly like: string
  make(round: number, photo: number, width: number): Promise<Uint8Array>
  /** So far. */
  spent(): Promise<Spent>
}

const fetched = async (url: string, headers: Readonly<Record<string, string>>, type: string): Promise<Uint8Array> => {
  const response = await fetch(url, { headers })
  const bytes = new Uint8Array(await response.arrayBuffer())
  if (response.headers.get('content-type') !== type) throw new Error(`${url}: ${response.status}, not ${type}`)
  return bytes
}

export const fileOf = (round: number, photo: number): string => `${round}-${photo}.jpg`

export const peerContenders = ({ ipx, next }: Peers): Contender[] => {
  const made = (name: string, format: 'webp' | 'jpeg', like: string): Contender => ({
    name,
    format,
    like,
    spent: async () => ({
      cpuMs: treeCpuMs(name === 'ipx' ? ipx.pid : next.pid),
      enginesMs: 0,
      imageMs: Number.NaN,
    }),
    make(round, photo, width) {
      const path =
        name === 'ipx'
          ? `${ipx.address}/w_${width},f_${format},q_${QUALITY}/${fileOf(round, photo)}`
          : `${next.address}/_next/image?url=%2Fphotos%2F${fileOf(round, photo)}&w=${width}&q=${QUALITY}`
      return fetched(path, { Accept: `image/${format}` }, `image/${format}`)
    },
  })
  return [
    made('ipx', 'webp', 'WebP, effort 4'),
    made('Next.js', 'webp', 'WebP, effort 4'),
    made('ipx', 'jpeg', 'JPEG, progressive'),
    made('Next.js', 'jpeg', 'JPEG, mozjpeg'),
  ]
}

const OURS = [
  { name: 'ours', like: 'WebP, effort 4', rendition: 'webp-4', output: { format: 'webp', effort: 4 } },
  { name: 'ours, our default', like: 'WebP, effort 2', rendition: 'webp-2', output: { format: 'webp', effort: 2 } },
  { name: 'ours', like: 'JPEG', rendition: 'jpeg', output: { format: 'jpeg' } },
  { name: 'ours', like: 'JPEG, mozjpeg', rendition: 'mozjpeg', output: { format: 'jpeg', mozjpeg: true } },
] as const

/** The answer carries the bytes, as those of the others do. */
export const ourContenders = async (world: World, gateway: Gateway, files: ReadonlyMap<string, Uint8Array>) => {
  const wishes = OURS.flatMap(({ rendition, output }) =>
    WIDTHS.map(width => ({
      product: 'shop',
      name: `${rendition}-${width}`,
      lane: 'lazy' as const,
      recipe: { resize: { width }, formats: [{ ...output, quality: QUALITY }] },
    })),
  )
  const key = (await setUp(gateway, wishes)).shop ?? ''
  const assets = new Map<string, string>()
  for (const [name, bytes] of files) assets.set(name, (await upload(gateway, key, bytes, '&publish=now')).asset)
  const database = new pg.Client(gateway.store.databaseUrl)
  await database.connect()
  const pathOf = (rendition: string, round: number, photo: number, width: number): string =>
    renditionPath('shop', assets.get(fileOf(round, photo)) ?? '', `${rendition}-${width}`)
  const contenders = OURS.map(
    ({ name, like, rendition, output }): Contender => ({
      name,
      format: output.format,
      like,
      async spent() {
        const { rows } = await database.query('select coalesce(sum(cpu_ms), 0)::float8 as ms from node')
        return {
          cpuMs: treeCpuMs(gateway.pid),
          enginesMs: treeCpuMs(world.postgresPid) + treeCpuMs(world.s3.pid),
          imageMs: rows[0].ms,
        }
      },
      async make(round, photo, width) {
        const path = `${pathOf(rendition, round, photo, width)}?delivery=stream`
        const response = await call(gateway, 'GET', path, { key, headers: { Prefer: 'wait=30' } })
        if (response.status !== 200) throw new Error(`${path}: ${response.status}`)
        return new Uint8Array(await response.arrayBuffer())
      },
    }),
  )
  return { contenders, key, pathOf, stop: () => database.end() }
}
