import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { call, jsonRequest, optionsOf, print } from '../client.ts'
import { describeOperation, type Erasure } from '../operation-text.ts'
import { watchOperation } from './operations.ts'

export const erase = (program: Command): void => {
  program
    .command('erase')
    .description('Erase an asset for good, and print the receipt; exit code 1 unless it is complete')
    .argument('<asset>', 'id of the asset')
    .requiredOption('-r, --reason <text>', 'kept with the receipt: a case number, no personal data')
    .option('--no-wait', 'only ask for it')
    .action(async (asset: string, { reason, wait }: { reason: string; wait: boolean }, command: Command) => {
      const options = optionsOf(command)
      const request = jsonRequest('POST', { reason }, randomUUID())
      const begun = (await (
        await call(options, `/v1/assets/${encodeURIComponent(asset)}/erase`, request)
      ).json()) as Erasure
      if (!wait) return print(options, begun, describeOperation)
      await watchOperation(options, begun.id)
    })
}
