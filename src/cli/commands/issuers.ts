import type { Command } from 'commander'
import { call, jsonRequest, optionsOf, print } from '../client.ts'
import { readDocument } from '../document.ts'

interface Issuer {
  readonly name: string
  readonly iss: string
  readonly audience: string
  readonly claim: string
  readonly algorithms: readonly string[]
  readonly subjects: readonly {
    readonly value: string
    readonly product?: string
    readonly scopes: readonly string[]
  }[]
}

const pathOf = (name: string): string => `/v1/issuers/${encodeURIComponent(name)}`

const describeIssuer = ({ name, iss, audience, claim, algorithms, subjects }: Issuer): string =>
  [
    `${name}  ${iss}  for ${audience}  ${algorithms.join(' ')}`,
    ...subjects.map(
      ({ value, product, scopes }) => `  ${claim} ${value} is ${product ?? 'an administrator'}  ${scopes.join(' ')}`,
    ),
  ].join('\n')

export const issuers = (program: Command): void => {
  const group = program.command('issuers').description('Whose tokens (JWT) are believed, and whom they stand for')

  group
    .command('put')
    .description(
      'Believe the tokens of an issuer, as a JSON file says: iss, audience, jwks_uri, algorithms, claim, subjects',
    )
    .argument('<name>', 'what to call it here')
    .argument('<file>', 'the file, or - for standard input')
    .option('--validate-only', 'check it, and change nothing', false)
    .action(async (name: string, file: string, { validateOnly }: { validateOnly: boolean }, command: Command) => {
      const options = optionsOf(command)
      const query = validateOnly ? '?validate_only=true' : ''
      const response = await call(options, `${pathOf(name)}${query}`, jsonRequest('PUT', await readDocument(file)))
      print(options, (await response.json()) as Issuer, describeIssuer)
    })

  group
    .command('list')
    .description('The issuers, with their subjects')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const { items } = (await (await call(options, '/v1/issuers')).json()) as { items: Issuer[] }
      print(options, items, all => all.map(describeIssuer).join('\n') || 'No issuer is believed.')
    })

  group
    .command('delete')
    .description('Believe an issuer no more, from the next request on')
    .argument('<name>', 'as `issuers list` shows it')
    .action(async (name: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      await call(options, pathOf(name), { method: 'DELETE', headers: { 'If-Match': '*' } })
      print(options, { deleted: name }, ({ deleted }) => `${deleted} is believed no more`)
    })
}
