import type { Command } from 'commander'
import { versionNumber } from '../arguments.ts'
import { call, optionsOf, print } from '../client.ts'
import { describeOperation, type Erasure } from '../operation-text.ts'
import { watchOperation } from './operations.ts'

interface Version {
  readonly version: number
  readonly state: string
  readonly filename?: string
  readonly created_at: string
}

interface Comparison {
  readonly version: number
  readonly with: number
  readonly same_content: boolean
  readonly changes: Readonly<Record<string, { readonly version?: unknown; readonly with?: unknown }>>
}

const pathOf = (asset: string): string => `/v1/assets/${encodeURIComponent(asset)}/versions`

const line = ({ version, state, created_at, filename }: Version): string =>
  [version, state, created_at, ...(filename ? [filename] : [])].join('  ')

const comparison = ({ version, with: other, same_content, changes }: Comparison): string =>
  [
    `${version} and ${other} are ${same_content ? 'the same bytes' : 'different bytes'}`,
    ...Object.entries(changes).map(([name, one]) => `  ${name}: ${one.with ?? '-'} -> ${one.version ?? '-'}`),
  ].join('\n')

export const versions = (program: Command): void => {
  const group = program.command('versions').description('Versions of an asset, published or not')

  group
    .command('list')
    .description('Every version, the newest first; drafts for those who may publish them')
    .argument('<asset>', 'id of the asset')
    .option('--state <state>', 'only these: READY, ACTIVE, ARCHIVED, …')
    .action(async (asset: string, { state }: { state?: string }, command: Command) => {
      const options = optionsOf(command)
      const query = state === undefined ? '' : `?state=${encodeURIComponent(state)}`
      const { items } = (await (await call(options, pathOf(asset) + query)).json()) as { items: Version[] }
      print(options, items, all => all.map(line).join('\n'))
    })

  group
    .command('compare')
    .description('What differs between a version and the current one, or a given one')
    .argument('<asset>', 'id of the asset')
    .argument('<version>', 'its number', versionNumber)
    .option('--with <version>', 'instead of the current one', versionNumber)
    .action(async (asset: string, version: number, { with: other }: { with?: number }, command: Command) => {
      const options = optionsOf(command)
      const query = other === undefined ? '' : `?with=${other}`
      const response = await call(options, `${pathOf(asset)}/${version}/compare${query}`)
      print(options, (await response.json()) as Comparison, comparison)
    })

  group
    .command('discard')
    .description('Discard a version that has never been published, and what it alone was made of')
    .argument('<asset>', 'id of the asset')
    .argument('<version>', 'its number', versionNumber)
    .option('--no-wait', 'only ask for it')
    .action(async (asset: string, version: number, { wait }: { wait: boolean }, command: Command) => {
      const options = optionsOf(command)
      const request = { method: 'DELETE', headers: { 'If-Match': '*' } }
      const begun = (await (await call(options, `${pathOf(asset)}/${version}`, request)).json()) as Erasure
      if (!wait) return print(options, begun, describeOperation)
      await watchOperation(options, begun.id)
    })
}
