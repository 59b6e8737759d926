import type { Command } from 'commander'
import { collectSet, joinedPatch, nested } from '../attribute-options.ts'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Wish {
  readonly label: readonly string[]
  readonly unlabel: readonly string[]
  readonly set: readonly object[]
  readonly unset: readonly object[]
}

interface Shown {
  readonly id: string
  readonly labels: readonly string[]
  readonly attributes: object
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]

const collectUnset = (path: string, before: readonly object[]): readonly object[] => [...before, nested(path, null)]

export const patch = (program: Command): void => {
  program
    .command('patch')
    .description('Change labels and attributes of an asset; fails where somebody else changed them meanwhile')
    .argument('<asset>', 'id of the asset')
    .option('-l, --label <label>', 'add a label; may be repeated', collect, [])
    .option('-u, --unlabel <label>', 'take a label away; may be repeated', collect, [])
    .option('-s, --set <path=value>', 'set an attribute (`seo.title=Shoe`); JSON where it is JSON', collectSet, [])
    .option('--unset <path>', 'take an attribute away', collectUnset, [])
    .action(async (asset: string, { label, unlabel, set, unset }: Wish, command: Command) => {
      const options = optionsOf(command)
      if (label.length + unlabel.length + set.length + unset.length === 0)
        throw new CliFailure(2, 'nothing-to-change', 'Say what to change: --label, --unlabel, --set or --unset.')
      const path = `/v1/assets/${encodeURIComponent(asset)}`
      const seen = await call(options, path)
      const { labels } = (await seen.json()) as Shown
      const wish = {
        ...(label.length + unlabel.length > 0 && {
          labels: [...labels, ...label].filter(one => !unlabel.includes(one)),
        }),
        ...(set.length + unset.length > 0 && {
          attributes: joinedPatch([...set, ...unset]),
        }),
      }
      const response = await call(options, path, {
        method: 'PATCH',
        body: JSON.stringify(wish),
        headers: { 'Content-Type': 'application/merge-patch+json', 'If-Match': seen.headers.get('etag') ?? '*' },
      })
      print(
        options,
        (await response.json()) as Shown,
        shown => `${shown.id}  ${shown.labels.join(' ')}\n${JSON.stringify(shown.attributes, null, 2)}`,
      )
    })
}
