import type { Command } from 'commander'
import { type CliAlias, readAlias } from '../alias-name.ts'
import { call, optionsOf, print } from '../client.ts'

interface Listed {
  readonly items: readonly CliAlias[]
}

const pathOf = (asset: string): string => `/v1/assets/${encodeURIComponent(asset)}/aliases`
const lines = ({ items }: Listed): string =>
  items.map(({ namespace, external_id }) => `${namespace}:${external_id}`).join('\n')

export const aliases = (program: Command): void => {
  const group = program.command('aliases').description('What assets are called in other systems')
  group
    .command('find')
    .description('The asset that another system calls so; `alias:<name>` finds it by its own alias')
    .argument('<name>', 'namespace and id, such as erp:4711')
    .action(async (name: string, _: object, command: Command) => {
      const { namespace, external_id } = readAlias(name)
      const path = `/v1/aliases/${encodeURIComponent(namespace)}/${encodeURIComponent(external_id)}`
      const options = optionsOf(command)
      const asset = (await (await call(options, path)).json()) as { id: string }
      print(options, asset, ({ id }) => id)
    })
  group
    .command('list')
    .description('Names of an asset, one a line')
    .argument('<asset>')
    .action(async (asset: string, _: object, command: Command) => {
      const options = optionsOf(command)
      print(options, (await (await call(options, pathOf(asset))).json()) as Listed, lines)
    })
  for (const [verb, description] of [
    ['add', 'Give an asset names, all of them or none; the same again changes nothing'],
    ['remove', 'Take names away from an asset; they are free at once'],
  ] as const)
    group
      .command(verb)
      .description(description)
      .argument('<asset>')
      .argument('<names...>', 'namespace and id each, such as erp:4711')
      .action(async (asset: string, names: string[], _: object, command: Command) => {
        const options = optionsOf(command)
        const body = JSON.stringify({ [verb]: names.map(readAlias) })
        const headers = { 'Content-Type': 'application/json' }
        const answer = await call(options, pathOf(asset), { method: 'POST', body, headers })
        print(options, (await answer.json()) as Listed, lines)
      })
}
