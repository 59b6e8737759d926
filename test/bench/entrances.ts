/** Every way in against a plain PUT of the same bytes to the same S3: small files, large ones, and bytes that are there already. */
import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { call, setUp } from './client.ts'
import { digestOfFile, openWays, renew, type Send, type Ways } from './entrance-ways.ts'
import { residentBytes, treeCpuMs } from './processes.ts'
import { type Row, ratio, type Table } from './report.ts'
import type { Gateway, World } from './world.ts'

const MB = 1_000_000
const CASES = [
  { name: '100 KB, 8 at once', bytes: MB / 10, count: 400, atOnce: 8 },
  { name: '20 MB, 2 at once', bytes: 20 * MB, count: 16, atOnce: 2 },
  { name: '2 GB', bytes: 2_000 * MB, count: 1, atOnce: 1 },
] as const
const IMPORTED = 1_000

const REFERENCE = 'PUT to S3'
const ENV = {
  ...{ MAX_UPLOAD_BYTES: String(3_000 * MB), MAX_FETCH_BYTES: String(3_000 * MB) },
  ...{ FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any', FETCH_MS: '3600000', RATE_LIMITS: 'observe' },
}

const makeFile = async (path: string, bytes: number): Promise<string> => {
  const file = await open(path, 'w')
  const chunk = randomBytes(Math.min(bytes, 10 * MB))
  for (let written = 0; written < bytes; written += chunk.length) await file.write(chunk)
  await file.close()
  return path
}

interface Cost {
  readonly seconds: number
  /** Of the gateway, its children included. */
  readonly cpuMs: number
  readonly peakBytes: number
}

/** Lanes have a file of their own each, which is another before every send where it has to be. */
const measure = async (
  { pid }: Gateway,
  { files, count, isNew }: { files: readonly string[]; count: number; isNew: boolean },
  send: Send,
): Promise<Cost> => {
  const before = residentBytes(pid)
  const cpuBefore = treeCpuMs(pid)
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid))
  }, 20)
  const startedAt = performance.now()
  let left = count
  await Promise.all(
    files.map(async file => {
      while (left-- > 0) {
        if (isNew) await renew(file)
        await send(file)
      }
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  clearInterval(watch)
  return { seconds, cpuMs: treeCpuMs(pid) - cpuBefore, peakBytes: peak - before }
}

const sizes = async (world: World, gateway: Gateway, { byName }: Ways): Promise<Table> => {
  const rows: Row[] = []
  for (const { name, bytes, count, atOnce } of CASES) {
    const names = Array.from({ length: atOnce }, (_, lane) => join(world.folder, `${bytes}-${lane}`))
    const files = await Promise.all(names.map(file => makeFile(file, bytes)))
    let reference = 1
    for (const [way, send] of Object.entries(byName)) {
      await measure(gateway, { files, count: Math.min(atOnce, count - 1), isNew: true }, send)
      const { seconds, cpuMs, peakBytes } = await measure(gateway, { files, count, isNew: true }, send)
      if (way === REFERENCE) reference = seconds
      const cost = way === REFERENCE ? ['', ''] : [(cpuMs / count).toFixed(1), Math.round(peakBytes / MB)]
      rows.push([
        ...[name, way, Math.round((bytes * count) / MB / seconds), (count / seconds).toFixed(1)],
        ...[ratio(reference, seconds), ...cost],
      ])
    }
  }
  return {
    title: 'Ways in',
    note: 'Until the version is acknowledged: hashed and identified by the gateway, and stored. All but the first come through a second place on their way (the spool, the staging bucket or both), for nothing is believed of them. Random bytes, so nothing is transformed.',
    columns: ['', 'way', 'MB/s', 'files/s', 'of a PUT', 'CPU ms of the gateway each', 'extra memory MB'],
    rows,
  }
}

const again = async (world: World, gateway: Gateway, { byName }: Ways): Promise<Table> => {
  const file = await makeFile(join(world.folder, 'again'), 20 * MB)
  const rows: Row[] = []
  for (const [way, send] of Object.entries(byName)) {
    if (way === REFERENCE) continue
    const fresh = await measure(gateway, { files: [file], count: 8, isNew: true }, send)
    const hit = await measure(gateway, { files: [file], count: 8, isNew: false }, send)
    rows.push([
      way,
      ...[fresh.seconds, hit.seconds].map(seconds => Math.round((1000 * seconds) / 8)),
      ratio(hit.seconds, fresh.seconds),
      ...[fresh.cpuMs, hit.cpuMs].map(ms => (ms / 8).toFixed(1)),
    ])
  }
  return {
    title: 'The same 20 MB again',
    note: 'Bytes that the product has an asset of already. Only where their digest is announced beforehand they are not sent; whatever is sent is hashed before it is believed to be the same.',
    columns: ['way', 'new, ms', 'again, ms', 'again of new', 'CPU ms new', 'CPU ms again'],
    rows,
  }
}

/** Accepted, then carried by the gateway's own lanes until the operation has ended. */
const imported = async (world: World, gateway: Gateway, key: string, { origin }: Ways): Promise<Table> => {
  const file = await makeFile(join(world.folder, 'line'), MB / 10)
  const sha256 = await digestOfFile(file)
  await fetch(`${gateway.address}/v1/assets`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${key}`,
      'Idempotency-Key': sha256,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ collection: 'photos', source_url: `${origin}/line` }),
  })
  const kinds = { 'by URL': { source_url: `${origin}/line` }, 'by digest': { sha256 } }
  const rows: Row[] = []
  for (const [kind, line] of Object.entries(kinds)) {
    const body = Array.from({ length: IMPORTED }, (_, ref) =>
      JSON.stringify({ ref: `${kind} ${ref}`, collection: 'photos', ...line }),
    ).join('\n')
    const cpuBefore = treeCpuMs(gateway.pid)
    const startedAt = performance.now()
    const accepted = await call(gateway, 'POST', '/v1/assets/import', {
      key,
      body: Buffer.from(body),
      headers: { 'Content-Type': 'application/x-ndjson' },
    })
    const acceptedMs = performance.now() - startedAt
    const { id } = (await accepted.json()) as { id: string }
    for (let state = ''; !['SUCCEEDED', 'PARTIAL', 'FAILED'].includes(state); await setTimeout(50)) {
      const shown = await call(gateway, 'GET', `/v1/operations/${id}`, { key })
      state = ((await shown.json()) as { state: string }).state
      if (state === 'PARTIAL' || state === 'FAILED') throw new Error(`The import has ended ${state}`)
    }
    const seconds = (performance.now() - startedAt) / 1000
    rows.push([
      ...[kind, Math.round(acceptedMs), Math.round(IMPORTED / seconds)],
      ((treeCpuMs(gateway.pid) - cpuBefore) / IMPORTED).toFixed(1),
    ])
  }
  return {
    title: `An import of ${IMPORTED} lines of 100 KB`,
    note: 'From the request to the end of the operation; every line fetches and hashes its bytes, or names them by their digest.',
    columns: ['lines', 'accepted, ms', 'lines/s', 'CPU ms of the gateway each'],
    rows,
  }
}

export const entrances = async (world: World): Promise<readonly Table[]> => {
  const gateway = await world.startGateway({ env: ENV })
  const keys = await setUp(gateway, [
    { product: 'shop', name: 'card', recipe: { resize: { width: 400 }, formats: ['jpeg'] } },
  ])
  const key = keys.shop ?? ''
  const ways = await openWays(world, gateway, key)
  try {
    return [
      await sizes(world, gateway, ways),
      await again(world, gateway, ways),
      await imported(world, gateway, key, ways),
    ]
  } finally {
    ways.close()
    await gateway.stop()
  }
}
