/**
 * A derivative that nobody has asked for: the whole request against a bare pipeline called directly with one GET and one PUT, and
 * against our own steps called in the same way. The bare pipeline takes less care of some photographs (see the table of sharing
 * for what that costs them in quality), so the first says what a caller feels and the second what the system adds.
 */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import sharp from 'sharp'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { openS3Store } from '../../src/objects/s3.ts'
import { execute, planNodes } from '../support/render.ts'
import { call, renditionPath, setUp, upload } from './client.ts'
import type { Photo } from './photos.ts'
import { quantile, type Row, ratio } from './report.ts'
import type { Gateway, World } from './world.ts'

const WIDTH = 800
const ROUNDS = 11
/** Each round is a recipe of its own, so that every request is cold. */
const qualityOf = (round: number): number => 75 + round

const median = (values: readonly number[]): number => quantile(values, 0.5)
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

interface NodeTimes {
  readonly queued: number
  readonly finished: number
  readonly cpu: number
}

const lastNode = async (database: pg.Client): Promise<NodeTimes> => {
  const { rows } = await database.query(
    `select extract(epoch from queued_at)::float8 * 1000 as queued, extract(epoch from finished_at)::float8 * 1000 as finished, cpu_ms as cpu
     from node where state = 'DONE' order by finished_at desc limit 1`,
  )
  return rows[0] as NodeTimes
}

const askFor = (gateway: Gateway, key: string, path: string) => async (): Promise<void> => {
  const answer = await call(gateway, 'GET', path, { key, headers: { Prefer: 'wait=10' } })
  if (answer.status !== 302) throw new Error(`Expected a redirect but received ${answer.status}`)
  await answer.arrayBuffer()
}

export const cold = async (world: World, photos: readonly Photo[]) => {
  const gateway = await world.startGateway()
  const names = Array.from({ length: ROUNDS }, (_, round) => `cold-${round}`)
  const wishes = names.map((name, round) => ({
    product: 'shop',
    name,
    lane: 'lazy' as const,
    recipe: { resize: { width: WIDTH }, formats: [{ format: 'webp', quality: qualityOf(round) }] },
  }))
  const key = (await setUp(gateway, wishes)).shop ?? ''
  const bucket = (name: string) => openS3Store({ ...world.s3, bucket: name })
  const [originals, derivatives] = [bucket(gateway.store.buckets.originals), bucket(gateway.store.buckets.derivatives)]
  const database = new pg.Client(gateway.store.databaseUrl)
  await database.connect()
  sharp.concurrency(1) // as in a decode process
  sharp.cache(false)

  const direct = async (objectKey: string, transform: (original: Buffer) => Promise<Buffer>): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of await originals.get({ key: objectKey })) chunks.push(chunk)
    const body = await transform(Buffer.concat(chunks))
    await derivatives.put({
      key: `bench/${randomUUID()}`,
      body,
      bytes: body.length,
      sha256: sha256Hex(body),
      mediaType: 'image/webp',
    })
  }

  const bare = (quality: number) => (original: Buffer) =>
    sharp(original).autoOrient().resize(WIDTH).webp({ quality, effort: 2 }).toBuffer()

  /** Planned beforehand, as for the request it is not: the header is read at the upload. */
  const sameSteps = async (photo: Photo, recipe: object) => {
    const nodes = await planNodes(photo.bytes, [recipe])
    return async (original: Buffer): Promise<Buffer> => {
      const [result] = (await execute(original, nodes)).done.values()
      if (!result) throw new Error(`${photo.name} was not transformed`)
      return result.bytes
    }
  }

  const rows: Row[] = []
  for (const photo of photos) {
    const { asset } = await upload(gateway, key, photo.bytes, '&publish=now')
    const { rows: found } = await database.query(`select object_key from original where sha256 = $1`, [
      Buffer.from(sha256Hex(photo.bytes), 'hex'),
    ])
    const objectKey = found[0].object_key as string
    const samples = {
      direct: [] as number[],
      steps: [] as number[],
      ours: [] as number[],
      plan: [] as number[],
      work: [] as number[],
      cpu: [] as number[],
      answer: [] as number[],
    }
    for (const [round, name] of names.entries()) {
      const alone = await timed(() => direct(objectKey, bare(qualityOf(round))))
      const chain = await sameSteps(photo, wishes[round]?.recipe ?? {})
      const steps = await timed(() => direct(objectKey, chain))
      const askedAt = Date.now()
      const ours = await timed(askFor(gateway, key, renditionPath('shop', asset, name)))
      if (round === 0) continue // starts the decode process and compiles
      const node = await lastNode(database)
      samples.direct.push(alone)
      samples.steps.push(steps)
      samples.ours.push(ours)
      samples.plan.push(node.queued - askedAt)
      samples.work.push(node.finished - node.queued)
      samples.cpu.push(node.cpu)
      samples.answer.push(askedAt + ours - node.finished)
    }
    const [alone, steps, ours] = [median(samples.direct), median(samples.steps), median(samples.ours)]
    rows.push([
      photo.name,
      alone.toFixed(0),
      ours.toFixed(0),
      ratio(ours, alone),
      ratio(Math.min(...samples.ours), Math.min(...samples.direct)),
      steps.toFixed(0),
      ratio(ours, steps),
      ...[samples.plan, samples.work, samples.cpu, samples.answer].map(values => median(values).toFixed(1)),
    ])
  }
  await database.end()
  originals.close()
  derivatives.close()
  await gateway.stop()
  return [
    {
      title: `Cold derivative, WebP ${WIDTH} px, median of ${ROUNDS - 1}`,
      note: 'Direct: GET, sharp, PUT in this process, on the same S3. Ours: the whole HTTP request. Steps: GET, PUT and between them our own steps, which for some photographs decode more pixels than the direct pipeline. Of ours: until the wish is planned and queued; until the derivative is stored (claim, GET, decode, PUT); CPU of the image alone; settling, noticing and answering.',
      columns: [
        'photo',
        'direct ms',
        'ours ms',
        'ratio',
        'of the fastest',
        'steps ms',
        'of steps',
        'plan ms',
        'work ms',
        'of it image CPU ms',
        'settle and answer ms',
      ],
      rows,
    },
  ]
}
