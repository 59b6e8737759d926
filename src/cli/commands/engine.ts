import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { wholeNumber } from '../arguments.ts'
import { call, type GlobalOptions, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Build {
  readonly line: string
  readonly fingerprint: string
  readonly registered: boolean
  readonly seen_at: string
  readonly parts: Readonly<Record<string, string>>
}

interface Rollout {
  readonly id: string
  readonly state: string
  readonly share: number
  readonly collection?: string
  readonly progress: { readonly assets: number; readonly leaves: number; readonly moved: number }
}

interface Report extends Rollout {
  readonly compared: number
  readonly failed: number
  readonly ssim: readonly { readonly from: number; readonly leaves: number }[]
  readonly worst: readonly {
    readonly n: number
    readonly asset: string
    readonly product: string
    readonly rendition: string
    readonly format: string
    readonly ssim?: number
    readonly largest_difference?: number
    readonly failure?: string
  }[]
}

const lineOf = ({ id, state, share, collection, progress }: Rollout): string =>
  `${id}  ${state.padEnd(12)} ${share} %${collection ? ` of ${collection}` : ''}  ${progress.assets} assets, ${progress.leaves} outputs change, ${progress.moved} in place`

const reportText = (report: Report): string => {
  const { compared, failed, ssim, worst } = report
  const classes = ssim.filter(({ leaves }) => leaves > 0).map(({ from, leaves }) => `    SSIM from ${from}: ${leaves}`)
  const names = worst.map(({ n, asset, product, rendition, format, ...found }) => {
    const figures = found.failure ?? `${found.ssim?.toFixed(4)}, largest difference ${found.largest_difference}`
    return `    ${n}  ${asset} ${product} ${rendition} ${format}  ${figures}`
  })
  return [
    lineOf(report),
    `  compared ${compared}, failed ${failed}`,
    ...classes,
    ...(names.length > 0 ? ['  the least alike', ...names] : []),
  ].join('\n')
}

const path = (id: string): string => `/v1/engine/rollouts/${encodeURIComponent(id)}`

const fetchReport = async (options: GlobalOptions, id: string): Promise<Report> =>
  (await (await call(options, path(id))).json()) as Report

/** Until nothing is under way. */
const settled = async (options: GlobalOptions, id: string): Promise<Report> => {
  for (;;) {
    const report = await fetchReport(options, id)
    if (!['PLANNING', 'COMPARING', 'PROMOTING', 'ROLLING_BACK'].includes(report.state)) return report
    await new Promise(resolve => setTimeout(resolve, 1_000))
  }
}

const showStatus = async (options: GlobalOptions): Promise<void> => {
  const engine = (await (await call(options, '/v1/engine')).json()) as { line: string; builds: readonly Build[] }
  const { items } = (await (await call(options, '/v1/engine/rollouts?limit=10')).json()) as { items: Rollout[] }
  print(options, { ...engine, rollouts: items }, ({ line, builds, rollouts }) =>
    [
      `line ${line}`,
      ...builds.map(
        build =>
          `  ${build.fingerprint}  ${build.registered ? 'registered    ' : 'NOT REGISTERED'}  ${build.line}  vips ${build.parts.vips} sharp ${build.parts.sharp} ${build.parts.arch}  seen ${build.seen_at}`,
      ),
      ...(rollouts.length > 0 ? ['rollouts', ...rollouts.map(one => `  ${lineOf(one)}`)] : []),
    ].join('\n'),
  )
}

export const engine = (program: Command): void => {
  const commands = program.command('engine').description('Upgrades of the engine: builds and rollouts')

  commands
    .command('status')
    .description('The line, its builds and the last rollouts; of one rollout, how alike old and new are')
    .argument('[rollout]', 'one of them')
    .option('--leaf <n>', 'with --output: one of its outputs', wholeNumber(1, 2_147_483_647))
    .option('-o, --output <file>', 'where its picture goes: old, new and their difference (PNG)')
    .action(async (id: string | undefined, own: { leaf?: number; output?: string }, command: Command) => {
      const options = optionsOf(command)
      if ((own.leaf === undefined) !== (own.output === undefined) || (own.leaf !== undefined && id === undefined)) {
        throw new CliFailure(2, 'usage', 'A picture needs a rollout, --leaf and --output.')
      }
      if (id === undefined) return showStatus(options)
      if (own.leaf !== undefined && own.output !== undefined) {
        const answer = await call(options, `${path(id)}/leaves/${own.leaf}/picture`)
        await writeFile(own.output, new Uint8Array(await answer.arrayBuffer()))
        return print(options, { output: own.output }, ({ output }) => output)
      }
      print(options, await fetchReport(options, id), reportText)
    })

  commands
    .command('register')
    .description('Let a build work that its workers were refused for: its pictures are those of the line')
    .argument('<fingerprint>', 'as `matrix engine status` and the refused worker say it')
    .action(async (fingerprint: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      const response = await call(options, '/v1/engine/register', jsonRequest('POST', { fingerprint }))
      print(options, (await response.json()) as Build, build => `${build.fingerprint} is registered for ${build.line}`)
    })

  commands
    .command('rollout')
    .description('Make what the running code plans otherwise, for a share of the assets, and compare it')
    .requiredOption('--share <percent>', 'of the assets; a larger share contains a smaller one', wholeNumber(1, 100))
    .option('--collection <name>', 'of one collection only')
    .option('--wait', 'until it can be promoted')
    .action(async (own: { share: number; collection?: string; wait?: boolean }, command: Command) => {
      const options = optionsOf(command)
      const { wait, ...wish } = own
      const started = (await (await call(options, '/v1/engine/rollouts', jsonRequest('POST', wish))).json()) as Rollout
      if (wait) print(options, await settled(options, started.id), reportText)
      else print(options, started, lineOf)
    })

  for (const [word, description] of [
    ['promote', 'Show what is new and was compared'],
    ['rollback', 'Show again what was there before'],
  ] as const) {
    commands
      .command(word)
      .description(description)
      .argument('<rollout>', 'its id')
      .option('--wait', 'until all pointers have moved')
      .action(async (id: string, own: { wait?: boolean }, command: Command) => {
        const options = optionsOf(command)
        const response = await call(options, `${path(id)}/${word}`, { method: 'POST' })
        print(options, own.wait ? await settled(options, id) : ((await response.json()) as Report), reportText)
      })
  }
}
