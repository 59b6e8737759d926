/** The load generator: what `load.ts` starts. Prints autocannon's report. */
import { createRequire } from 'node:module'
import { assetIdAt, type Numbering } from '../support/many-assets.ts'

/** Every question is drawn anew: any asset, any of the keys. */
export interface Drawn {
  readonly numbering: Numbering
  readonly count: number
  /** Of the path, around the id of the asset. */
  readonly before: string
  readonly after: string
  readonly keys: readonly string[]
}

interface Order {
  readonly url: string
  readonly connections: number
  readonly duration: number
  readonly headers: Readonly<Record<string, string>>
  readonly requests: readonly { readonly path: string }[]
  readonly drawn?: Drawn
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>
}

type Autocannon = (order: object) => Promise<unknown>

const below = (count: number): number => Math.floor(Math.random() * count)

const draw =
  ({ numbering, count, before, after, keys }: Drawn) =>
  (sent: Sent) => ({
    ...sent,
    path: `${before}${assetIdAt(numbering, below(count))}${after}`,
    headers: { ...sent.headers, Authorization: `Bearer ${keys[below(keys.length)]}` },
  })

const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon
const { drawn, ...order } = JSON.parse(process.argv[2] ?? '{}') as Order
console.log(
  JSON.stringify(
    await autocannon(drawn === undefined ? order : { ...order, requests: [{ setupRequest: draw(drawn) }] }),
  ),
)
