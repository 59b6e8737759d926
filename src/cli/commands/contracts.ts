import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { CONTRACT_KINDS, kindOf, type VersionBreak } from '../../contracts/contract.ts'
import { eventContracts } from '../../contracts/events.ts'
import { type Difference, differences, readHistory, writeContract } from '../../contracts/history.ts'
import { routeContracts } from '../../contracts/routes.ts'
import { groupBy } from '../../lib/group-by.ts'
import { optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Own {
  readonly openapi?: string
  readonly history?: string
}

/** Of events by the code; of routes by the document that it has printed, where there is one. */
const current = async ({ openapi, history }: Own): Promise<readonly Difference[]> => {
  const kept = await readHistory(history)
  if (openapi === undefined)
    return differences(
      eventContracts(),
      kept.filter(({ subject }) => kindOf(subject) === 'event'),
    )
  return differences([...eventContracts(), ...routeContracts(JSON.parse(await readFile(openapi, 'utf8')))], kept)
}

const describeBreak = (subject: string, next: string, { version, pointer, rule, message }: VersionBreak): string =>
  `${subject} ${next} breaks ${version}: ${pointer || '/'} ${message} (${rule})`

const describe = (found: readonly Difference[]): string =>
  found
    .flatMap(({ subject, next, breaks }) =>
      breaks.length > 0
        ? breaks.map(one => describeBreak(subject, next?.version ?? 'gone', one))
        : [`${subject} ${next?.version}: compatible, and not in the history yet`],
    )
    .join('\n') || 'Code and history agree.'

const shown = (found: readonly Difference[]) =>
  found.map(({ subject, next, breaks }) => ({ subject, version: next?.version, breaks }))

const refuseBreaks = (found: readonly Difference[]): void => {
  const broken = found.filter(({ breaks }) => breaks.length > 0)
  if (broken.length > 0)
    throw new CliFailure(1, 'contract-incompatible', `${broken.length} contracts would break those who rely on them.`)
}

const withSources = (command: Command): Command =>
  command
    .option('--openapi <file>', 'the printed document of the routes; without it only events are looked at')
    .option('--history <folder>', 'where the history is, by default that of this program')

export const contracts = (program: Command): void => {
  const group = program.command('contracts').description('What events, requests and answers are promised to be')

  withSources(group.command('check'))
    .description(
      'Whether what the code writes and reads now goes together with all that it has promised; exit code 1 where not',
    )
    .action(async (own: Own, command: Command) => {
      const found = await current(own)
      print(optionsOf(command), shown(found), () => describe(found))
      refuseBreaks(found)
    })

  withSources(group.command('print'))
    .description('Write new versions into the history; none that breaks one before it')
    .action(async (own: Own, command: Command) => {
      const found = await current(own)
      refuseBreaks(found)
      for (const { next } of found) if (next) await writeContract(next, own.history)
      print(optionsOf(command), shown(found), () =>
        found.length === 0
          ? 'Code and history agree.'
          : found.map(({ next }) => `${next?.subject} ${next?.version}`).join('\n'),
      )
    })

  group
    .command('list')
    .description('What there is, with its versions')
    .addOption(new Option('-k, --kind <kind>', 'only these').choices(CONTRACT_KINDS))
    .option('--history <folder>', 'where the history is, by default that of this program')
    .action(async ({ kind, history }: { kind?: string; history?: string }, command: Command) => {
      const kept = (await readHistory(history)).filter(({ subject }) => kind === undefined || kindOf(subject) === kind)
      const items = [...groupBy(kept, ({ subject }) => subject)].map(([subject, own]) => ({
        subject,
        kind: kindOf(subject),
        versions: own.map(({ version }) => version),
      }))
      print(optionsOf(command), { items }, ({ items }) =>
        items.map(one => `${one.subject}  ${one.kind}  ${one.versions.join(', ')}`).join('\n'),
      )
    })
}
