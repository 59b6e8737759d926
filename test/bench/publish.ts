/** How soon another gateway shows what was published: a resolve sent to it as soon as the publish was acknowledged. */
import { call, renditionPath, setUp, upload } from './client.ts'
import type { Photo } from './photos.ts'
import { quantile } from './report.ts'
import type { World } from './world.ts'

const ROUNDS = 300
const READERS = 20

export const publish = async (world: World, photos: readonly Photo[]) => {
  const here = await world.startGateway()
  const there = await world.startGateway({ store: here.store, env: { ROLE: 'gateway' } })
  const recipe = { resize: { width: 400 }, formats: ['jpeg'] }
  const key = (await setUp(here, [{ product: 'shop', name: 'card', recipe }])).shop ?? ''
  const [first, second] = [photos[0], photos[1] ?? photos[0]]
  if (!first || !second) throw new Error('There are no photos')
  const { asset } = await upload(here, key, first.bytes)
  const headers = { Prefer: 'wait=10' }
  await call(here, 'GET', renditionPath('shop', asset, 'card'), { key, headers })
  await call(here, 'POST', `/v1/assets/${asset}/versions`, { key, body: second.bytes })
  const path = renditionPath('shop', asset, 'card')
  for (let state = 0; state < 2; )
    state = Number((await call(here, 'GET', path, { key })).headers.get('matrix-publication'))

  const publishing: number[] = []
  const seen: number[] = []
  const seenInStorm: number[] = []
  let stale = 0
  /** Publishes here, and asks there as soon as it is acknowledged. */
  const rounds = async (count: number, took: number[]): Promise<void> => {
    for (let round = 0; round < count; round++) {
      const body = { version: 1 + (round % 2) }
      const askedAt = performance.now()
      const published = await call(here, 'POST', `/v1/assets/${asset}/publish`, {
        key,
        body,
        headers: { 'If-Match': '*' },
      })
      const committedBy = performance.now()
      const answer = await call(there, 'GET', path, { key })
      took.push(performance.now() - committedBy)
      publishing.push(committedBy - askedAt)
      if (answer.headers.get('matrix-publication') !== published.headers.get('matrix-publication')) stale++
    }
  }
  await rounds(ROUNDS, seen)
  const alone = publishing.splice(0)
  let storming = true
  const read = async (reader: number): Promise<void> => {
    while (storming) await call(reader % 2 === 0 ? here : there, 'GET', path, { key })
  }
  const reading = Array.from({ length: READERS }, (_, reader) => read(reader))
  await rounds(ROUNDS, seenInStorm)
  storming = false
  await Promise.all(reading)
  await Promise.all([here.stop(), there.stop()])
  const row = (name: string, values: readonly number[]) => [
    name,
    ...[0.5, 0.99].map(q => quantile(values, q).toFixed(1)),
  ]
  return [
    {
      title: 'Publish, seen by another gateway',
      note: `${ROUNDS} publishes, each followed by a resolve on a gateway process that took no part in it, and as many while ${READERS} readers ask both gateways all the time; ${stale} answers were stale.`,
      columns: ['', 'p50 ms', 'p99 ms'],
      rows: [
        row('publish request', alone),
        row('acknowledged to correct answer elsewhere', seen),
        row(`publish request, with ${READERS} readers`, publishing),
        row(`acknowledged to correct answer elsewhere, with ${READERS} readers`, seenInStorm),
      ],
    },
  ]
}
