import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'
import { describeOperation, type Operation } from '../operation-text.ts'
import { watchOperation } from './operations.ts'

export const backfill = (program: Command): void => {
  program
    .command('backfill')
    .description('Make a rendition for the versions that its collection has already, behind all other work')
    .argument('<collection>', 'name of the collection')
    .argument('<product>', 'whose rendition')
    .argument('<rendition>', 'name of the rendition')
    .option('-w, --watch', 'follow it until it is over', false)
    .action(
      async (
        collection: string,
        product: string,
        rendition: string,
        { watch }: { watch: boolean },
        command: Command,
      ) => {
        const options = optionsOf(command)
        const names = [collection, 'products', product, 'renditions', rendition].map(encodeURIComponent).join('/')
        const response = await call(options, `/v1/collections/${names}/backfill`, { method: 'POST' })
        const operation = (await response.json()) as Operation
        if (watch) return watchOperation(options, operation.id)
        print(options, operation, describeOperation)
      },
    )
}
