/** Bytes in: throughput against hashing alone, a bare server that hashes and writes, and a plain PUT to the same S3. */
import { spawn } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { openS3Store } from '../../src/objects/s3.ts'
import { setUp } from './client.ts'
import { residentBytes } from './processes.ts'
import { type Row, ratio } from './report.ts'
import { addressOf, ended, type World } from './world.ts'

const MB = 1_000_000
const CASES = [
  { name: '5 MB, one after the other', bytes: 5 * MB, count: 24, atOnce: 1 },
  { name: '5 MB, 4 at once', bytes: 5 * MB, count: 48, atOnce: 4 },
  { name: '200 MB', bytes: 200 * MB, count: 3, atOnce: 1 },
] as const

/** Content of its own for each upload: 16 bytes in front make it another. */
const bodies = (length: number) => {
  const rest = randomBytes(length - 16)
  return () => [randomBytes(16), rest] as const
}
type Body = readonly [Buffer, Buffer]

const send = (url: string, headers: Readonly<Record<string, string>>, [head, rest]: Body): Promise<void> =>
  new Promise((resolve, reject) => {
    const length = String(head.length + rest.length)
    const outgoing = request(url, { method: 'POST', headers: { ...headers, 'Content-Length': length } }, answer => {
      answer
        .resume()
        .once('end', () => (answer.statusCode === 201 ? resolve() : reject(new Error(`${url}: ${answer.statusCode}`))))
    })
    outgoing.once('error', reject)
    outgoing.write(head)
    outgoing.end(rest)
  })

const run = async (count: number, atOnce: number, work: () => Promise<void>): Promise<number> => {
  const startedAt = performance.now()
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) await work()
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return (performance.now() - startedAt) / 1000
}

const hashOf = ([head, rest]: Body): string => createHash('sha256').update(head).update(rest).digest('hex')

export const ingest = async (world: World) => {
  const gateway = await world.startGateway({ env: { MAX_UPLOAD_BYTES: String(300 * MB) } })
  const keys = await setUp(gateway, [
    { product: 'shop', name: 'card', recipe: { resize: { width: 400 }, formats: ['jpeg'] } },
  ])
  const file = fileURLToPath(new URL('./baselines/hash-and-write.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file, world.folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const bare = await addressOf(child)
  const store = openS3Store({ ...world.s3, bucket: gateway.store.buckets.originals })
  const put = (body: Body) => {
    const bytes = body[0].length + body[1].length
    const whole = Buffer.concat(body)
    return store.put({
      key: `bench/${randomUUID()}`,
      body: whole,
      bytes,
      sha256: hashOf(body),
      mediaType: 'application/octet-stream',
    })
  }
  const uploadTo = (body: Body) =>
    send(
      `${gateway.address}/v1/assets?collection=photos`,
      {
        Authorization: `Bearer ${keys.shop}`,
        'Idempotency-Key': randomUUID(),
        'Content-Type': 'application/octet-stream',
      },
      body,
    )

  const rows: Row[] = []
  for (const { name, bytes, count, atOnce } of CASES) {
    const next = bodies(bytes)
    await uploadTo(next())
    const before = residentBytes(gateway.pid)
    let peak = before
    const watch = setInterval(() => {
      peak = Math.max(peak, residentBytes(gateway.pid))
    }, 20)
    const perSecond = (seconds: number): number => (bytes * count) / MB / seconds
    const hashed = perSecond(await run(count, 1, async () => void hashOf(next())))
    const written = perSecond(await run(count, atOnce, () => send(bare, {}, next())))
    const stored = perSecond(await run(count, atOnce, async () => void (await put(next()))))
    const ours = perSecond(await run(count, atOnce, () => uploadTo(next())))
    clearInterval(watch)
    rows.push([
      name,
      ...[hashed, written, stored, ours].map(Math.round),
      ratio(ours, written),
      ratio(ours, 1 / (1 / written + 1 / stored)),
      Math.round((peak - before) / MB),
    ])
  }
  store.close()
  await ended(child)
  await gateway.stop()
  return [
    {
      title: 'Ingest, MB/s',
      note: 'An upload is hashed, spooled, verified, stored in S3 with fsync and written to the manifest before it is acknowledged; the last ratio is against the bare server followed by the same PUT.',
      columns: [
        '',
        'SHA-256 alone',
        'bare hash and write',
        'PUT to S3',
        'ours',
        'of bare',
        'of bare then PUT',
        'extra memory MB',
      ],
      rows,
    },
  ]
}
