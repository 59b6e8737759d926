import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'
import { type Cell, type CollectionRow, markdownTable, ownershipTable, textTable, wordsOf } from '../ownership-table.ts'
import { listOf } from '../pages.ts'

interface OfAsset {
  readonly collection: string
  readonly media_type?: string
  readonly labels: readonly string[]
  readonly cells: readonly (Cell & { readonly from: string; readonly may: readonly string[] })[]
}

const assetTable = ({ cells }: OfAsset): string[][][] => [
  [['product'], ['edge on the'], ['says'], ['so it may']],
  ...cells.map(cell => [[cell.product], [cell.from], wordsOf(cell), cell.may.length > 0 ? [...cell.may] : ['nothing']]),
]

const heading = (asset: string, { collection, media_type: type, labels }: OfAsset): string =>
  [
    `${asset} in ${collection}`,
    ...(type ? [type] : []),
    ...(labels.length > 0 ? [`labels ${labels.join(' ')}`] : []),
  ].join(', ')

export const ownership = (program: Command): void => {
  program
    .command('ownership')
    .description('Who may do what where: products down, collections across')
    .option('--asset <id>', 'what it comes to for one asset')
    .option('--markdown', 'as a table of Markdown', false)
    .action(async (own: { asset?: string; markdown: boolean }, command: Command) => {
      const options = optionsOf(command)
      const tableOf = own.markdown ? markdownTable : textTable
      if (own.asset === undefined) {
        print(options, await listOf<CollectionRow>(options, '/v1/matrix'), ({ items }) =>
          tableOf(ownershipTable(items)),
        )
        return
      }
      const { asset } = own
      const response = await call(options, `/v1/matrix?asset=${encodeURIComponent(asset)}`)
      print(
        options,
        (await response.json()) as OfAsset,
        found => `${heading(asset, found)}\n\n${tableOf(assetTable(found))}`,
      )
    })
}
