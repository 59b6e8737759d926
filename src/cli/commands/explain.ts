import { type Command, Option } from 'commander'
import { FORMATS } from '../../model/recipe.ts'
import { wholeNumber } from '../arguments.ts'
import { call, type GlobalOptions, jsonRequest, optionsOf, print } from '../client.ts'

interface Explained {
  readonly text: string
}

interface Asked {
  readonly format: string
  readonly number?: number
  readonly as?: string
  readonly scopes?: readonly string[]
  readonly address?: string
  readonly accept?: string
}

const list = (text: string): string[] => text.split(',').filter(word => word !== '')

const whoIs = (who: string, scopes: readonly string[] | undefined) => {
  if (who === 'anonymous') return who
  return who.startsWith('key_') ? { key: who } : { product: who, ...(scopes && { scopes }) }
}

const explainAnswer = async (options: GlobalOptions, product: string, question: object): Promise<Explained> => {
  const path = `/v1/products/${encodeURIComponent(product)}/resolve/explain`
  return (await (await call(options, path, jsonRequest('POST', question))).json()) as Explained
}

const explainPlan = async (options: GlobalOptions, asset: string, version: number | undefined): Promise<Explained> => {
  const path = `/v1/assets/${encodeURIComponent(asset)}`
  const current = async (): Promise<number> =>
    ((await (await call(options, path)).json()) as { version?: number }).version ?? 1
  return (await (await call(options, `${path}/versions/${version ?? (await current())}/plan`)).json()) as Explained
}

export const explain = (program: Command): void => {
  program
    .command('explain')
    .description('How an answer comes about; without a rendition, the plan of a version')
    .argument('<product>', 'who asks')
    .argument('<asset>', 'id of the asset')
    .argument('[rendition]', 'name of the rendition')
    .addOption(new Option('-f, --format <format>', 'format asked for').choices(['auto', ...FORMATS]).default('auto'))
    .option('--as <who>', 'administrators: the id of a key, a product, or anonymous')
    .option('--scopes <scopes>', 'of that product, separated by commas', list)
    .option('--address <ip>', 'where that caller would sit')
    .option('--accept <types>', 'the Accept header that would be sent')
    .option('-n, --number <version>', 'a version other than the current one', wholeNumber(1, 2_147_483_647))
    .action(
      async (
        product: string,
        asset: string,
        rendition: string | undefined,
        { number, as, scopes, ...asked }: Asked,
        command: Command,
      ) => {
        const options = optionsOf(command)
        const explained =
          rendition === undefined
            ? await explainPlan(options, asset, number)
            : await explainAnswer(options, product, {
                asset,
                rendition,
                ...asked,
                ...(number !== undefined && { version: number }),
                ...(as !== undefined && { as: whoIs(as, scopes) }),
              })
        print(options, explained, ({ text }) => text)
      },
    )
}
