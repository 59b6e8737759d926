/**
 * `npm run bench -- [--photos <folder>] [--only warm,cold] [--seconds 5] [--install] [--assets 10000,1000000]`: measures what PERFORMANCE goals are about,
 * each figure beside a baseline of the same run, prints the tables and writes them to `results.md`. Linux only (reads /proc).
 *
 * Absolute figures belong to the machine and the hour; the ratios are what should hold.
 */
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { audit } from './audit.ts'
import { cold } from './cold.ts'
import { decisions } from './decisions.ts'
import { delivery } from './delivery.ts'
import { encoders } from './encoders.ts'
import { entrances } from './entrances.ts'
import { events } from './events.ts'
import { flood } from './flood.ts'
import { ingest } from './ingest.ts'
import { peers } from './peers.ts'
import { type Photo, readPhotos } from './photos.ts'
import { publish } from './publish.ts'
import { markdown, type Table } from './report.ts'
import { scale } from './scale.ts'
import { search } from './search.ts'
import { serviceLevels } from './service-levels.ts'
import { overlap, sharing } from './sharing.ts'
import { startUp } from './start.ts'
import { warm } from './warm.ts'
import { openWorld, type World } from './world.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const { values } = parseArgs({
  options: {
    photos: { type: 'string' },
    only: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    install: { type: 'boolean', default: false },
    dist: { type: 'string', default: ROOT },
    assets: { type: 'string', default: '10000,100000' },
  },
})

type Benchmark = (world: World, photos: readonly Photo[]) => Promise<readonly Table[]>

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  warm: (world, photos) => warm(world, photos, Number(values.seconds)),
  delivery: (world, photos) => delivery(world, photos, { seconds: Number(values.seconds), peers: values.install }),
  cold,
  flood,
  ingest,
  entrances,
  sharing,
  encoders,
  overlap,
  peers: (world, photos) => peers(world, photos, Number(values.seconds)),
  publish,
  decisions,
  audit,
  events: (world, photos) => events(world, photos, Number(values.seconds)),
  levels: (world, photos) => serviceLevels(world, photos, Number(values.seconds)),
  scale: (world, photos) =>
    scale(world, photos, { assets: values.assets.split(',').map(Number), seconds: Number(values.seconds) }),
  search: (world, photos) => search(world, photos, Number(values.assets.split(',').at(-1))),
  start: (world, photos) => startUp(world, photos, values),
}

/** What installs from a registry is run when it is asked for. */
const wanted = values.only?.split(',') ?? Object.keys(BENCHMARKS).filter(name => name !== 'peers' || values.install)
for (const name of wanted)
  if (!Object.hasOwn(BENCHMARKS, name))
    throw new Error(`Expected some of ${Object.keys(BENCHMARKS).join(', ')} but received ${name}`)

const photos = await readPhotos(values.photos)
const world = await openWorld(values.dist)
const tables: Table[] = []
try {
  for (const name of wanted) {
    const made = (await BENCHMARKS[name]?.(world, photos)) ?? []
    for (const table of made) console.log(`\n${markdown(table)}`)
    tables.push(...made)
  }
} finally {
  await world.close()
}

const machine = `Node ${process.versions.node}, sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${photos.length} ${values.photos ? 'photographs' : 'generated pictures'}.`
const text = [
  '# Benchmarks',
  '',
  'Written by `npm run bench`. Ratios are against a baseline of the same run.',
  '',
  machine,
  '',
  ...tables.map(markdown),
]
if (values.only === undefined)
  await writeFile(new URL('./results.md', import.meta.url), `${text.join('\n').trimEnd()}\n`)
