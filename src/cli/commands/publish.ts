import type { Command } from 'commander'
import { timeOf, versionNumber } from '../arguments.ts'
import { call, ifMatch, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Published {
  readonly asset: string
  readonly version: number
  readonly publication: number
}

interface Schedule {
  readonly asset: string
  readonly publish?: { readonly version: number; readonly at: string; readonly waiting_since?: string }
  readonly until?: string
}

const describe = ({ asset, publish, until }: Schedule): string =>
  [
    asset,
    ...(publish ? [`version ${publish.version} at ${publish.at}`] : []),
    ...(publish?.waiting_since ? ['waits until it is complete'] : []),
    ...(until ? [`archived at ${until}`] : []),
  ].join('  ')

export const publish = (program: Command): void => {
  program
    .command('publish')
    .description('Make a complete version the current one for all products, now or at a time')
    .argument('<asset>', 'id of the asset')
    .argument('<version>', 'its number', versionNumber)
    .option('--at <time>', 'not now: RFC 3339', timeOf)
    .option('--until <time>', 'archive the asset then: RFC 3339', timeOf)
    .option('--if-match <etag>', 'only where the asset is as it was seen', '*')
    .action(
      async (
        asset: string,
        version: number,
        { at, until, ifMatch: etag }: { at?: string; until?: string; ifMatch: string },
        command: Command,
      ) => {
        const options = optionsOf(command)
        const path = `/v1/assets/${encodeURIComponent(asset)}`
        const send = (method: string, to: string, body: object) =>
          call(options, `${path}/${to}`, ifMatch(jsonRequest(method, body), etag))
        if (at !== undefined) {
          const set = await send('PUT', 'schedule', { publish: { version, at }, ...(until && { until }) })
          return print(options, (await set.json()) as Schedule, describe)
        }
        if (until !== undefined)
          throw new CliFailure(2, 'no-time', 'An end comes with --at; for an end alone there is `matrix schedule set`.')
        const published = (await (await send('POST', 'publish', { version })).json()) as Published
        print(options, published, one => `${one.asset}  version ${one.version}  publication ${one.publication}`)
      },
    )
}

export const schedule = (program: Command): void => {
  const group = program.command('schedule').description('What is to become of an asset at a time')
  const pathOf = (asset: string): string => `/v1/assets/${encodeURIComponent(asset)}/schedule`

  group
    .command('set')
    .description('Set the time of a publish, of the end, or of both, in place of what was set')
    .argument('<asset>', 'id of the asset')
    .option('--publish <version>', 'which version is published', versionNumber)
    .option('--at <time>', 'when: RFC 3339', timeOf)
    .option('--until <time>', 'when the asset is archived: RFC 3339', timeOf)
    .option('--if-match <etag>', 'only where the asset is as it was seen', '*')
    .action(
      async (
        asset: string,
        {
          publish: version,
          at,
          until,
          ifMatch: etag,
        }: { publish?: number; at?: string; until?: string; ifMatch: string },
        command: Command,
      ) => {
        const options = optionsOf(command)
        if ((version === undefined) !== (at === undefined))
          throw new CliFailure(2, 'half-a-publish', 'A publish has a version, --publish, and a time, --at.')
        const body = { ...(at && { publish: { version, at } }), ...(until && { until }) }
        const set = await call(options, pathOf(asset), ifMatch(jsonRequest('PUT', body), etag))
        print(options, (await set.json()) as Schedule, describe)
      },
    )

  group
    .command('show')
    .description('What is set; exit code 1 where nothing is')
    .argument('<asset>', 'id of the asset')
    .action(async (asset: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      print(options, (await (await call(options, pathOf(asset))).json()) as Schedule, describe)
    })

  group
    .command('cancel')
    .description('Take back what is set')
    .argument('<asset>', 'id of the asset')
    .action(async (asset: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      await call(options, pathOf(asset), { method: 'DELETE', headers: { 'If-Match': '*' } })
      print(options, { asset }, () => `Nothing is set for ${asset}`)
    })
}
