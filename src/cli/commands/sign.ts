import { type Command, Option } from 'commander'
import { signUrl } from '../../policy/sign-url.ts'
import { wholeNumber } from '../arguments.ts'
import { optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { findUrl } from '../target.ts'

interface Own {
  readonly kid: string
  readonly secret: string
  readonly lifetime: number
  readonly window: number
  readonly inPath: boolean
  readonly base?: string
  readonly download?: string
}

export const sign = (program: Command): void => {
  program
    .command('sign')
    .description('Sign a delivery path, without asking the gateway')
    .argument('<path>', '/i/{product}/{asset}/v{n}/{rendition}.{ext}, as `matrix url --path-only` prints it')
    .addOption(new Option('--kid <kid>', 'id of the signing key').env('ASSET_MATRIX_SIGNING_KID').makeOptionMandatory())
    .addOption(new Option('--secret <secret>', 'its secret').env('ASSET_MATRIX_SIGNING_SECRET').makeOptionMandatory())
    .option('--lifetime <seconds>', 'how long the URL works at least', wholeNumber(1, 31_622_400), 3_600)
    .option('--window <seconds>', 'signers of one window make one URL', wholeNumber(1, 3_600), 300)
    .option('--in-path', 'put the signature into the path, for caches that do not heed the query', false)
    .option('--base <url>', 'in front of the path, e.g. the CDN; by default the gateway')
    .option('--download <name>', 'of an original: the name that it is saved under')
    .action(async (path: string, own: Own, command: Command) => {
      const options = optionsOf(command)
      const { kid, secret, inPath, lifetime: lifetimeSeconds, window: windowSeconds, download } = own
      const base = own.base ?? (await findUrl(options))
      const parameters: Record<string, string> = download === undefined ? {} : { dl: download }
      try {
        const url = signUrl({ base, path, parameters, kid, secret, lifetimeSeconds, windowSeconds, inPath })
        print(options, { url }, made => made.url)
      } catch (error) {
        if (error instanceof TypeError) throw new CliFailure(2, 'invalid-path', error.message)
        throw error
      }
    })
}
