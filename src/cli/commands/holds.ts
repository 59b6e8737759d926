import type { Command } from 'commander'
import { call, jsonRequest, optionsOf, print } from '../client.ts'
import { listOf, type Page } from '../pages.ts'

interface Hold {
  readonly asset: string
  readonly name: string
  readonly reason: string
  readonly set_by: string
  readonly set_at: string
}

const line = ({ asset, name, reason, set_at }: Hold): string => `${asset}  ${name}  since ${set_at}  ${reason}`
const pathOf = (asset: string, name: string): string =>
  `/v1/assets/${encodeURIComponent(asset)}/holds/${encodeURIComponent(name)}`

export const holds = (program: Command): void => {
  const group = program.command('holds').description('Assets of which nothing is deleted, until somebody says so')

  group
    .command('set')
    .description('Hold an asset; needs an administrator')
    .argument('<asset>', 'what is to stay')
    .argument('<name>', 'of the matter: case-4711')
    .requiredOption('--reason <text>', 'for the audit: a case number, no personal data')
    .action(async (asset: string, name: string, { reason }: { reason: string }, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, pathOf(asset, name), jsonRequest('PUT', { reason }))
      print(options, (await response.json()) as Hold, line)
    })

  group
    .command('lift')
    .description('Lift a hold; the others of the asset stay')
    .argument('<asset>', 'what was held')
    .argument('<name>', 'of the matter')
    .action(async (asset: string, name: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      await call(options, pathOf(asset, name), { method: 'DELETE', headers: { 'If-Match': '*' } })
      print(options, { asset, lifted: name }, ({ lifted }) => `${asset} is not held by ${lifted} any more`)
    })

  group
    .command('list')
    .description('What is held')
    .argument('[asset]', 'this one alone')
    .action(async (asset: string | undefined, _own: object, command: Command) => {
      const options = optionsOf(command)
      const found =
        asset === undefined
          ? await listOf<Hold>(options, '/v1/holds')
          : ((await (await call(options, `/v1/assets/${encodeURIComponent(asset)}/holds`)).json()) as Page<Hold>)
      print(options, found.items, all => all.map(line).join('\n'))
    })
}
