/**
 * The same derivatives from ipx, from the image optimizer of Next.js and from us: what one costs that nobody asked for before, what
 * its bytes are like, and how fast it is had again. The baselines are a bare sharp pipeline and a bare Hono of the same run.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { probeImage } from '../../src/transform/probe.ts'
import { ssim } from '../support/render.ts'
import type { Answer, Ask } from './baselines/bare-sharp.ts'
import { fileOf, ourContenders, peerContenders, QUALITY, type Spent, WIDTHS } from './peer-contenders.ts'
import { hits } from './peer-hits.ts'
import { type Peers, startPeers } from './peer-servers.ts'
import type { Photo } from './photos.ts'
import { treeCpuMs } from './processes.ts'
import { quantile, type Row, ratio, type Table } from './report.ts'
import type { Gateway, World } from './world.ts'

const ROUNDS = 3

interface Sample extends Spent {
  readonly wallMs: number
}

const BARE = {
  'WebP, effort 4': ['webp', { effort: 4 }],
  'WebP, effort 2': ['webp', { effort: 2 }],
  JPEG: ['jpeg', {}],
  'JPEG, progressive': ['jpeg', { progressive: true }],
  'JPEG, mozjpeg': ['jpeg', { mozjpeg: true }],
} as const

const startBare = () => {
  const file = fileURLToPath(new URL('./baselines/bare-sharp.ts', import.meta.url))
  const child = fork(file, { execArgv: ['--import', 'tsx'], serialization: 'advanced' })
  return {
    async ask(question: Ask): Promise<Answer> {
      child.send(question)
      const [answer] = await once(child, 'message')
      return answer as Answer
    },
    stop: () => child.kill(),
  }
}

/** What an upload leaves to be done soon after it is not the work that is measured. */
const settled = async (gateway: Gateway): Promise<void> => {
  const deadline = Date.now() + 60_000
  for (let before = -1; Date.now() < deadline; ) {
    const now = treeCpuMs(gateway.pid)
    if (now - before <= 20) return
    before = now
    await delay(1000)
  }
}

/** Every pixel of the source resized, as nobody can afford to. */
const fullResize = async ({ bytes }: Photo, like: Uint8Array): Promise<Buffer> => {
  const { icc } = await probeImage(bytes, bytes.length)
  const { data, info } = await sharp(bytes, { ignoreIcc: icc === 'srgb' })
    .autoOrient()
    .raw()
    .toBuffer({ resolveWithObject: true })
  const { width, height } = await sharp(like).metadata()
  return sharp(data, { raw: info }).resize(width, height, { fit: 'fill' }).png({ compressionLevel: 1 }).toBuffer()
}

const median = (values: readonly number[]): number => quantile(values, 0.5)
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

export const peers = async (world: World, photos: readonly Photo[], seconds: number): Promise<readonly Table[]> => {
  const stops: (() => unknown)[] = []
  try {
    return await compareAll(world, photos, seconds, stops)
  } finally {
    await Promise.all(stops.map(stop => stop()))
  }
}

/** `stops`: what was started, to be ended however this ends. */
const compareAll = async (
  world: World,
  photos: readonly Photo[],
  seconds: number,
  stops: (() => unknown)[],
): Promise<readonly Table[]> => {
  const files = new Map<string, Uint8Array>()
  for (let round = 0; round <= ROUNDS; round++)
    // What follows the end of a JPEG is not looked at, and makes it another original.
    for (const [index, { bytes }] of photos.entries())
      files.set(fileOf(round, index), Buffer.concat([bytes, Buffer.from(`#${round}`)]))
  const servers = await startPeers(files)
  stops.push(servers.stop)
  const gateway = await world.startGateway()
  stops.push(gateway.stop)
  const bare = startBare()
  stops.push(bare.stop)
  const ours = await ourContenders(world, gateway, files)
  stops.push(ours.stop)
  await settled(gateway)
  const contenders = [...peerContenders(servers), ...ours.contenders]

  const samples = new Map<string, Sample[]>()
  const outputs = new Map<string, Uint8Array[]>()
  const add = (name: string, sample: Sample): unknown => samples.set(name, [...(samples.get(name) ?? []), sample])
  const perPhoto = (value: number): number => value / photos.length
  for (let round = 0; round <= ROUNDS; round++) {
    for (const width of WIDTHS) {
      for (const [like, [format, options]] of Object.entries(BARE)) {
        const answers: Answer[] = []
        for (const photo of photos.keys()) {
          const file = join(servers.photos, fileOf(round, photo))
          answers.push(await bare.ask({ file, width, format, options: { quality: QUALITY, ...options } }))
        }
        outputs.set(
          `${width} ${like} bare`,
          answers.map(({ bytes }) => bytes),
        )
        if (round === 0) continue // compiles what is hot
        const [cpuMs, wallMs] = [mean(answers.map(answer => answer.cpuMs)), mean(answers.map(answer => answer.wallMs))]
        add(`${width} ${like} bare`, { cpuMs, enginesMs: 0, imageMs: cpuMs, wallMs })
      }
      for (const { name, like, make, spent } of contenders) {
        const [before, startedAt] = [await spent(), performance.now()]
        const made: Uint8Array[] = []
        for (const photo of photos.keys()) made.push(await make(round, photo, width))
        const [wallMs, after] = [performance.now() - startedAt, await spent()]
        outputs.set(`${width} ${like} ${name}`, made)
        if (round === 0) continue
        add(`${width} ${like} ${name}`, {
          cpuMs: perPhoto(after.cpuMs - before.cpuMs),
          enginesMs: perPhoto(after.enginesMs - before.enginesMs),
          imageMs: perPhoto(after.imageMs - before.imageMs),
          wallMs: perPhoto(wallMs),
        })
      }
    }
  }

  const likeness = new Map<string, number>()
  const references = new Map<string, Buffer>()
  const compare = async (made: Uint8Array, photo: number, width: number): Promise<number> => {
    const [key, size] = [`${photo} ${sha256Hex(Buffer.from(made))}`, `${photo} ${width}`]
    const reference = references.get(size) ?? (await fullResize(photos[photo] as Photo, made))
    references.set(size, reference)
    const value = likeness.get(key) ?? (await ssim(Buffer.from(made), reference))
    likeness.set(key, value)
    return value
  }

  const rowsOf = async (format: 'webp' | 'jpeg'): Promise<Row[]> => {
    const rows: Row[] = []
    const plain = format === 'webp' ? 'WebP, effort 4' : 'JPEG'
    const kinds = [{ name: 'bare', like: plain }, ...contenders.filter(contender => contender.format === format)]
    for (const width of WIDTHS) {
      for (const { name, like } of kinds) {
        const own = samples.get(`${width} ${like} ${name}`) ?? []
        const of = (pick: (sample: Sample) => number): number => median(own.map(pick))
        const against = (other: string, pick: (sample: Sample) => number, base = pick): string => {
          const reference = samples.get(`${width} ${other} bare`) ?? []
          return ratio(median(own.map((one, round) => pick(one) / base(reference[round] as Sample))), 1)
        }
        const made = outputs.get(`${width} ${like} ${name}`) ?? []
        const alike: number[] = []
        for (const [photo, bytes] of made.entries()) alike.push(await compare(bytes, photo, width))
        rows.push([
          width,
          name === 'bare' ? 'bare sharp' : name,
          like,
          of(({ cpuMs }) => cpuMs).toFixed(1),
          against(plain, ({ cpuMs }) => cpuMs),
          against(like, ({ cpuMs }) => cpuMs),
          Number.isNaN(own[0]?.imageMs)
            ? '-'
            : against(
                like,
                ({ imageMs }) => imageMs,
                ({ cpuMs }) => cpuMs,
              ),
          against(
            like,
            ({ cpuMs, enginesMs }) => cpuMs + enginesMs,
            ({ cpuMs }) => cpuMs,
          ),
          of(({ wallMs }) => wallMs).toFixed(0),
          against(like, ({ wallMs }) => wallMs),
          (mean(made.map(({ length }) => length)) / 1000).toFixed(1),
          mean(alike).toFixed(4),
          Math.min(...alike).toFixed(4),
        ])
      }
    }
    return rows
  }
  const tables: Table[] = []
  for (const [format, title] of [
    ['webp', 'WebP'],
    ['jpeg', 'JPEG'],
  ] as const) {
    tables.push({
      title: `Peers, an uncached ${title} of quality ${QUALITY}, ${photos.length} photos, nothing shared`,
      note: NOTE(servers),
      columns: COLUMNS,
      rows: await rowsOf(format),
    })
  }

  const body = join(world.folder, 'hit.webp')
  await writeFile(body, outputs.get('400 WebP, effort 4 Next.js')?.[0] ?? '')
  const hitTable = await hits({
    bodyFile: body,
    photos: photos.length,
    seconds,
    servers,
    gateway,
    key: ours.key,
    ourPaths: [...photos.keys()].map(photo => ours.pathOf('webp-4', 0, photo, 400)),
    fileOf: photo => fileOf(0, photo),
  })
  return [...tables, hitTable]
}

const NOTE = ({ versions }: Peers): string =>
  `One after the other, overlap 0 %; a mean of the photos, median of ${ROUNDS} rounds, ratios within the round. ipx ${versions.ipx} (\`ipx serve\`) and Next.js ${versions.next} (\`next start\`), both on sharp ${versions.sharp}, read local files and keep or forget what they make; we read from S3 and store there, durably. CPU ratios are the trustworthy ones: wall depends on who else uses the machine, and ipx decodes on all cores, the others on one. The baseline is one bare sharp pipeline on one thread, of plain settings or of the row's own encoder settings (the peers' JPEG is progressive or of mozjpeg by default). SSIM: the derivative against every pixel of the source resized, so the loss of the encoder is in it.`

const COLUMNS = [
  'px',
  '',
  'encoder',
  'CPU ms',
  'CPU of bare, plain',
  'CPU of bare, same encoder',
  'of it image CPU',
  'with Postgres and S3',
  'wall ms',
  'wall of bare, same encoder',
  'KB',
  'SSIM mean',
  'SSIM worst',
]
