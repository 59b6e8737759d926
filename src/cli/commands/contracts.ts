import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { CONTRACT_KINDS, kindOf, numbersOf, type VersionBreak } from '../../contracts/contract.ts'
import { eventContracts } from '../../contracts/events.ts'
import { type Difference, differences, readHistory, writeContract } from '../../contracts/history.ts'
import { routeContracts } from '../../contracts/routes.ts'
import { groupBy } from '../../lib/group-by.ts'
import { call, type GlobalOptions, jsonRequest, optionsOf, print } from '../client.ts'
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

interface Verdict {
  readonly subject: string
  readonly version: string
  readonly breaks: readonly {
    readonly pointer: string
    readonly rule: string
    readonly message: string
    readonly versions: readonly string[]
    readonly consumers: readonly string[]
  }[]
}

/** Whom this program would break in place of the one that runs there: by each contract that it has and the other has not. */
const checkGateway = async (options: GlobalOptions, own: Own, found: readonly Difference[]): Promise<Verdict[]> => {
  const { items } = (await (await call(options, '/v1/contracts')).json()) as {
    items: { subject: string; versions: string[] }[]
  }
  const there = new Map(items.map(({ subject, versions }) => [subject, versions]))
  const mine = [...(await readHistory(own.history)), ...found.flatMap(({ next }) => next ?? [])]
  const newest = new Map(mine.map(one => [`${one.subject} ${one.major}`, one]))
  const verdicts: Verdict[] = []
  for (const { subject, major, version, schema } of newest.values()) {
    const versions = there.get(subject) ?? []
    const majors = versions.map(one => numbersOf(one)[0])
    // What nobody has there yet breaks nobody.
    if (!majors.includes(major) || versions.includes(version)) continue
    const name = major === majors[0] ? subject : `${subject}.v${major}`
    const response = await call(options, '/v1/contracts/check', jsonRequest('POST', { subject: name, schema }))
    verdicts.push({ subject, version, breaks: ((await response.json()) as Verdict).breaks })
  }
  return verdicts
}

const describeVerdicts = (verdicts: readonly Verdict[]): string =>
  verdicts
    .flatMap(({ subject, version, breaks }) =>
      breaks.map(({ pointer, rule, message, versions, consumers }) => {
        const whom = consumers.length > 0 ? consumers : versions
        return `${subject} ${version} breaks ${whom.join(', ')}: ${pointer || '/'} ${message} (${rule})`
      }),
    )
    .join('\n') || 'Nobody there is broken.'

const refuseBreaks = (found: readonly { readonly breaks: readonly object[] }[]): void => {
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
    .option('--gateway', 'and whether it breaks anybody at the gateway, by what its consumers have said', false)
    .action(async (own: Own & { gateway: boolean }, command: Command) => {
      const options = optionsOf(command)
      const found = await current(own)
      const there = own.gateway ? await checkGateway(options, own, found) : undefined
      print(options, there ? { here: shown(found), there } : shown(found), () =>
        [describe(found), ...(there ? [describeVerdicts(there)] : [])].join('\n'),
      )
      refuseBreaks([...found, ...(there ?? [])])
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
  group
    .command('consumers')
    .description('Who relies on a contract at the gateway, and on which major of it')
    .argument('<subject>', 'e.g. asset.published')
    .action(async (subject: string, _: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, `/v1/contracts/${encodeURIComponent(subject)}/consumers`)
      const found = (await response.json()) as {
        items: { product?: string; subscription?: string; major: number; reads: string }[]
      }
      print(options, found, ({ items }) =>
        items.length === 0
          ? 'Nobody that is known.'
          : items
              .map(({ product = 'all', subscription = 'registered', major, reads }) =>
                [product, subscription, reads, `v${major}`].join('  '),
              )
              .join('\n'),
      )
    })
}
