import type { Command } from 'commander'
import { timeOf, versionNumber } from '../arguments.ts'
import { call, type GlobalOptions, ifMatch, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { watchOperation } from './operations.ts'

interface Rendition {
  readonly product: string
  readonly name: string
  readonly revision: number
  readonly lane: string
  readonly state: string
  readonly deprecation?: { readonly since: string; readonly sunset: string }
}

interface RolledBack extends Rendition {
  readonly impact: { readonly nodes_new: number; readonly nodes_existing: number; readonly versions_planned: number }
  readonly operation?: { readonly id: string }
}

const describe = ({ product, name, revision, lane, state, deprecation }: Rendition): string =>
  [
    `${product}/${name}`,
    `r${revision}`,
    lane,
    state,
    ...(deprecation ? [`since ${deprecation.since}`, `until ${deprecation.sunset}`] : []),
  ].join('  ')

const describeRollback = ({ impact, operation, ...rest }: RolledBack): string =>
  [
    describe(rest),
    `${impact.nodes_existing} outputs are there, ${impact.nodes_new} are to be made, of ${impact.versions_planned} versions that were looked at`,
    ...(operation ? [`backfill ${operation.id}`] : []),
  ].join('\n')

interface Place {
  readonly collection: string
  readonly product: string
  readonly name: string
}

const send = async <T>(
  options: GlobalOptions,
  { collection, product, name }: Place,
  { verb, body, etag }: { verb: string; body: object; etag: string },
): Promise<T> => {
  const names = [collection, 'products', product, 'renditions', name].map(encodeURIComponent).join('/')
  const request = ifMatch(jsonRequest('POST', body), etag)
  return (await call(options, `/v1/collections/${names}/${verb}`, request)).json() as Promise<T>
}

const withPlace = (command: Command): Command =>
  command
    .argument('<collection>', 'name of the collection')
    .argument('<product>', 'whose rendition')
    .argument('<rendition>', 'name of the rendition')
    .option('--if-match <etag>', 'only where the rendition is as it was seen', '*')

export const rendition = (program: Command): void => {
  const group = program.command('rendition').description('Renditions: which revision is answered, and until when')

  group
    .command('list')
    .description('The renditions of a collection, and which of them are to go')
    .argument('<collection>', 'name of the collection')
    .option('--product <product>', 'of this one alone')
    .option('--deprecated', 'those alone that are to go', false)
    .action(async (collection: string, own: { product?: string; deprecated: boolean }, command: Command) => {
      const options = optionsOf(command)
      const answer = await call(options, `/v1/collections/${encodeURIComponent(collection)}/matrix`)
      const { renditions } = (await answer.json()) as { renditions: readonly Rendition[] }
      const items = renditions.filter(
        ({ product, deprecation }) =>
          (own.product === undefined || product === own.product) && (!own.deprecated || deprecation !== undefined),
      )
      print(options, { items }, () => (items.length === 0 ? 'There are none.' : items.map(describe).join('\n')))
    })

  withPlace(group.command('rollback'))
    .description('Make the revision that was active before the active one again; nothing is made anew that is there')
    .option('--to <revision>', 'this revision', versionNumber)
    .option('-w, --watch', 'follow the backfill of what came in between', false)
    .action(
      async (
        collection: string,
        product: string,
        name: string,
        { to, ifMatch: etag, watch }: { to?: number; ifMatch: string; watch: boolean },
        command: Command,
      ) => {
        const options = optionsOf(command)
        const body = to === undefined ? {} : { to }
        const place = { collection, product, name }
        const done = await send<RolledBack>(options, place, { verb: 'rollback', body, etag })
        print(options, done, describeRollback)
        if (watch && done.operation) await watchOperation(options, done.operation.id)
      },
    )

  withPlace(group.command('deprecate'))
    .description('Tell everybody who asks for it until when it is there, or that it stays after all')
    .option('--sunset <time>', 'until then it is answered at least: RFC 3339', timeOf)
    .option('--undo', 'it stays', false)
    .action(
      async (
        collection: string,
        product: string,
        name: string,
        { sunset, undo, ifMatch: etag }: { sunset?: string; undo: boolean; ifMatch: string },
        command: Command,
      ) => {
        const options = optionsOf(command)
        if ((sunset === undefined) !== undo)
          throw new CliFailure(2, 'usage', 'Expected --sunset with a time, or --undo.')
        const body = { sunset: sunset ?? null }
        const place = { collection, product, name }
        print(options, await send<Rendition>(options, place, { verb: 'deprecate', body, etag }), describe)
      },
    )
}
