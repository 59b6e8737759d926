import { type Command, Option } from 'commander'
import { DPRS } from '../../model/delivery-path.ts'
import { FORMATS } from '../../model/recipe.ts'
import { deliveryPath } from '../../model/write-path.ts'
import { wholeNumber } from '../arguments.ts'
import { optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { findUrl } from '../target.ts'

interface Own {
  readonly number?: number
  readonly format: 'auto' | (typeof FORMATS)[number]
  readonly dpr: string
  readonly seo?: string
  readonly base?: string
  readonly pathOnly: boolean
}

export const url = (program: Command): void => {
  program
    .command('url')
    .description('The canonical delivery URL, without asking the gateway')
    .argument('<product>', 'whose rendition')
    .argument('<asset>', 'its id')
    .argument('<rendition>', 'its name, `original`, or operations such as x/h_300,w_400')
    .option('-n, --number <version>', 'of one version; by default of whatever is current', wholeNumber(1, 999_999_999))
    .addOption(
      new Option('--format <format>', 'instead of the best that the client takes')
        .choices(['auto', ...FORMATS])
        .default('auto'),
    )
    .addOption(
      new Option('--dpr <ratio>', 'for a screen with more pixels').choices(['1', ...DPRS.map(String)]).default('1'),
    )
    .option('--seo <name>', 'a name for readers behind it')
    .option('--base <url>', 'in front of the path, e.g. the CDN; by default the gateway')
    .option('--path-only', 'the path alone, as `matrix sign` takes it', false)
    .action(async (product: string, asset: string, rendition: string, own: Own, command: Command) => {
      const options = optionsOf(command)
      const { number: version, format, seo: seoName, pathOnly } = own
      const dpr = DPRS.find(known => String(known) === own.dpr)
      const base = pathOnly ? '' : (own.base ?? (await findUrl(options)))
      try {
        const path = deliveryPath({ product, asset, version, rendition, format, dpr, seoName })
        print(options, { path, url: `${base.replace(/\/+$/, '')}${path}` }, made => made.url)
      } catch (error) {
        if (error instanceof TypeError) throw new CliFailure(2, 'invalid-path', error.message)
        throw error
      }
    })
}
