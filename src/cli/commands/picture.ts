import type { Command } from 'commander'
import { wholeNumber } from '../arguments.ts'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Picture {
  readonly html?: string
  readonly pending: readonly { readonly rendition: string; readonly formats: readonly string[] }[]
  readonly delivery?: { readonly expires_at?: string }
}

export const picture = (program: Command): void => {
  program
    .command('picture')
    .description('The <picture> of an asset: sources by format and width, escaped, ready for a page')
    .argument('<product>', 'who asks')
    .argument('<asset>', 'id of the asset')
    .argument('<renditions...>', 'names of renditions of one shape')
    .option('-s, --sizes <sizes>', 'of the element, as HTML has it')
    .option('-d, --dpr <ratios>', 'screens to have pixels for, e.g. 1,2')
    .option('-w, --wait <seconds>', 'how long to wait for what is not ready', wholeNumber(0, 60), 10)
    .action(
      async (
        product: string,
        asset: string,
        renditions: string[],
        own: { sizes?: string; dpr?: string; wait: number },
        command: Command,
      ) => {
        const options = optionsOf(command)
        const path = `/v1/products/${encodeURIComponent(product)}/assets/${encodeURIComponent(asset)}/picture`
        const query = new URLSearchParams({
          renditions: renditions.join(','),
          wait: String(own.wait),
          ...(own.sizes !== undefined && { sizes: own.sizes }),
          ...(own.dpr !== undefined && { dpr: own.dpr }),
        })
        const found = (await (await call(options, `${path}?${query}`)).json()) as Picture
        const { html, pending, delivery } = found
        if (html === undefined) throw new CliFailure(1, 'pending', 'Not ready yet: ask again, or raise --wait.')
        print(options, found, () => html)
        if (options.json) return
        for (const { rendition, formats } of pending)
          console.error(`Still being made: ${rendition} (${formats.join(', ')})`)
        if (delivery?.expires_at !== undefined) console.error(`Its URLs work until ${delivery.expires_at}.`)
      },
    )
}
