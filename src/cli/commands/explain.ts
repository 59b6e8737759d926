import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'

export const explain = (program: Command): void => {
  program
    .command('explain')
    .description('How an answer comes about; without a rendition, the plan of a version')
    .argument('<product>')
    .argument('<asset>')
    .argument('[rendition]')
    .option('-f, --format <format>', 'auto, avif, webp, jpeg or png', 'auto')
    .option('-v, --version-number <n>', 'a version other than the current one')
    .action(
      async (
        product: string,
        asset: string,
        rendition: string | undefined,
        own: { format: string; versionNumber?: string },
        command: Command,
      ) => {
        const options = optionsOf(command)
        if (rendition === undefined) {
          const version =
            own.versionNumber ??
            String(((await (await call(options, `/v1/assets/${asset}`)).json()) as { version?: number }).version ?? 1)
          const plan = await call(options, `/v1/assets/${asset}/versions/${version}/plan`)
          return print(options, (await plan.json()) as { text: string }, ({ text }) => text)
        }
        const body = JSON.stringify({
          asset,
          rendition,
          format: own.format,
          ...(own.versionNumber !== undefined && { version: Number(own.versionNumber) }),
        })
        const path = `/v1/products/${encodeURIComponent(product)}/resolve/explain`
        const response = await call(options, path, {
          method: 'POST',
          body,
          headers: { 'Content-Type': 'application/json' },
        })
        print(options, (await response.json()) as { text: string }, ({ text }) => text)
      },
    )
}
