import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'

interface Stored {
  readonly bytes: number
  readonly originals: number
  readonly limit?: number
}

interface Usage {
  readonly product: string
  readonly day: string
  readonly cpu: { readonly seconds: number; readonly derivatives: number; readonly limit?: number }
  readonly stored: Stored
  readonly tenant?: Stored
}

const MB = 1e6
const of = (used: number, limit: number | undefined, unit: string): string =>
  limit === undefined
    ? `${used.toFixed(1)} ${unit}, no limit`
    : `${used.toFixed(1)} of ${limit.toFixed(1)} ${unit}${used >= limit ? ', used up' : ''}`

const stored = ({ bytes, originals, limit }: Stored): string =>
  `${of(bytes / MB, limit === undefined ? undefined : limit / MB, 'MB')} (${originals} originals)`

const describe = ({ product, day, cpu, stored: own, tenant }: Usage): string =>
  [
    `${product}  ${day}`,
    `cpu     ${of(cpu.seconds, cpu.limit, 's')} (${cpu.derivatives} derivatives)`,
    `stored  ${stored(own)}`,
    ...(tenant ? [`tenant  ${stored(tenant)}`] : []),
  ].join('\n')

export const usage = (program: Command): void => {
  program
    .command('usage')
    .description('What a product has used of its budgets: CPU today (UTC) and bytes of originals')
    .argument('<product>', 'whose')
    .action(async (product: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, `/v1/products/${encodeURIComponent(product)}/usage`)
      print(options, (await response.json()) as Usage, describe)
    })
}
