/** The load generator: what `load.ts` starts. Prints autocannon's report. */
import { createRequire } from 'node:module'

interface Order {
  readonly url: string
  readonly connections: number
  readonly duration: number
  readonly headers: Readonly<Record<string, string>>
  readonly requests: readonly { readonly path: string }[]
}

type Autocannon = (order: Order) => Promise<unknown>

const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon
console.log(JSON.stringify(await autocannon(JSON.parse(process.argv[2] ?? '{}') as Order)))
