import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { keyOf } from '../../config/keys.ts'
import { loadSettings } from '../../config/settings-file.ts'
import { ConfigError, givenOf, readConfig, VARIABLES } from '../../config.ts'
import type { Settings, Variable } from '../../environment.ts'
import { optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

type Environment = Readonly<Record<string, string | undefined>>

interface Row {
  readonly key: string
  readonly variable: string
  readonly value: string | null
  readonly source: 'environment' | 'file' | 'default'
}

const MASK = '***'

/** What may be shown of it: a URL without its password, of a secret nothing. */
const shown = ({ secret }: Variable<unknown>, text: string | undefined): string | null => {
  if (text === undefined) return null
  if (secret) return MASK
  return text.replace(/(:\/\/[^:/@\s]*:)[^@\s]+@/, `$1${MASK}@`)
}

const rowsOf = (environment: Environment, settings: Settings | undefined): Row[] =>
  Object.values(VARIABLES).map((variable: Variable<unknown>) => {
    const { text, source } = givenOf(variable, environment, settings)
    return { key: keyOf(variable), variable: variable.env, value: shown(variable, text), source }
  })

const line = ({ key, variable, value, source }: Row): string =>
  `${key.padEnd(28)} ${variable.padEnd(30)} ${source.padEnd(11)} ${value ?? ''}`.trimEnd()

/** `environment`: what a gateway that is started here would find. */
export const config =
  (environment: Environment) =>
  (program: Command): void => {
    const group = program.command('config').description('The configuration that a gateway started here would have')
    const usable = async (): Promise<Settings | undefined> => {
      try {
        const settings = await loadSettings(process.cwd(), environment)
        readConfig(environment, { cores: availableParallelism(), terminal: true }, settings)
        return settings
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        throw new CliFailure(1, 'config-invalid', error.message)
      }
    }

    group
      .command('check')
      .description('Reads environment and matrix.config.{ts,mjs,json}; ends with 1 and all that is wrong')
      .action(async (_own: object, command: Command) => {
        const settings = await usable()
        const set = rowsOf(environment, settings).filter(({ source }) => source !== 'default').length
        const result = { valid: true, file: settings?.file ?? null, set }
        const where = settings === undefined ? 'there is no file' : `with ${settings.file}`
        print(optionsOf(command), result, () => `valid, ${where}; ${set} of ${Object.keys(VARIABLES).length} are set`)
      })

    group
      .command('print')
      .description('Everything that can be configured, with its value and where that comes from; secrets are masked')
      .option('--set', 'only what is set', false)
      .action(async ({ set }: { set: boolean }, command: Command) => {
        const rows = rowsOf(environment, await usable()).filter(({ source }) => !set || source !== 'default')
        print(optionsOf(command), rows, () => rows.map(line).join('\n'))
      })
  }
