import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'

interface Parameter {
  readonly parameter: string
  readonly values: string
  readonly default: string
}

interface Capabilities {
  readonly engine: { readonly line: string; readonly versions: { readonly sharp: string; readonly libvips: string } }
  readonly input: { readonly formats: readonly string[]; readonly limits: Readonly<Record<string, number>> }
  readonly output: readonly {
    readonly format: string
    readonly animated: boolean
    readonly limits: Readonly<Record<string, number>>
    readonly parameters: readonly Parameter[]
  }[]
  readonly operations: readonly { readonly operation: string; readonly parameters: readonly Parameter[] }[]
}

const limitsText = (limits: Readonly<Record<string, number>>): string =>
  Object.entries(limits)
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`)
    .join(', ')

const lineOf = (name: string, { parameter, values, default: usual }: Parameter): string =>
  `  ${(parameter || name).padEnd(22)} ${values}${usual === '' ? '' : `  (${usual})`}`

const text = ({ engine, input, output, operations }: Capabilities): string =>
  [
    `engine ${engine.line}, libvips ${engine.versions.libvips}, sharp ${engine.versions.sharp}`,
    `reads ${input.formats.join(' ')}; at most ${limitsText(input.limits)}`,
    ...output.flatMap(({ format, animated, limits, parameters }) => [
      '',
      `writes ${format}${animated ? ', animated too' : ''}; at most ${limitsText(limits)}`,
      ...parameters.map(parameter => lineOf(format, parameter)),
    ]),
    ...operations.flatMap(({ operation, parameters }) => [
      '',
      operation,
      ...parameters.map(parameter => lineOf(operation, parameter)),
    ]),
  ].join('\n')

export const capabilities = (program: Command): void => {
  program
    .command('capabilities')
    .description('List the formats, operations, parameters and limits of a running gateway')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      print(options, (await (await call(options, '/v1/capabilities')).json()) as Capabilities, text)
    })
}
