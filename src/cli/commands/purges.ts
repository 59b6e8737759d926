import { type Command, Option } from 'commander'
import { wholeNumber } from '../arguments.ts'
import { call, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Purge {
  readonly id: string
  readonly reason: string
  readonly subject: string
  readonly tags: readonly string[]
  readonly state: string
  readonly tries: number
  readonly targets: Readonly<
    Record<string, { readonly state: string; readonly tries: number; readonly answer: string }>
  >
  readonly created_at: string
}

const describe = ({ id, reason, subject, tags, state, targets, created_at }: Purge): string =>
  [
    `${created_at}  ${state}  ${reason}  ${subject}  ${id}`,
    tags.slice(0, 5).join(' ') + (tags.length > 5 ? ` and ${tags.length - 5} more` : ''),
    ...Object.entries(targets).map(([name, one]) => `${name}: ${one.state}, ${one.tries} tries, ${one.answer}`),
  ].join('\n    ')

export const purges = (program: Command): void => {
  const group = program.command('purges').description('What caches in front were told to forget')

  group
    .command('list')
    .description('The newest, with the answers of those who were told')
    .addOption(new Option('-s, --state <state>', 'those of one state').choices(['PENDING', 'DONE', 'DEAD']))
    .option('-l, --limit <count>', 'how many', wholeNumber(1, 500), 20)
    .action(async (own: { state?: string; limit: number }, command: Command) => {
      const options = optionsOf(command)
      const query = new URLSearchParams({
        limit: String(own.limit),
        ...(own.state !== undefined && { state: own.state }),
      })
      const { items } = (await (await call(options, `/v1/purges?${query}`)).json()) as { items: Purge[] }
      print(options, items, found => (found.length === 0 ? 'There are none.' : found.map(describe).join('\n')))
    })

  group
    .command('redrive')
    .description('Try again what was given up')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, '/v1/purges/redrive', jsonRequest('POST', {}))
      print(options, (await response.json()) as { redriven: number }, ({ redriven }) => `${redriven} wait again`)
    })

  group
    .command('test')
    .description('Tell everybody who hears purges to forget something that nobody has; exit code 1 where one refuses')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, '/v1/purges/test', jsonRequest('POST', {}))
      const { targets } = (await response.json()) as { targets: Record<string, { ok: boolean; answer: string }> }
      const all = Object.entries(targets)
      print(options, targets, () =>
        all.length === 0
          ? 'Nobody is configured to be told.'
          : all.map(([name, { ok, answer }]) => `${ok ? 'ok' : 'refused'}  ${name}  ${answer}`).join('\n'),
      )
      if (all.some(([, { ok }]) => !ok)) throw new CliFailure(1, 'refused', 'Somebody did not take it.')
    })
}
