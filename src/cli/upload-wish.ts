/** Where files go and as what: the same of every command that uploads. */
import { type Command, Option } from 'commander'
import { PUBLISH_POLICIES } from '../model/asset.ts'
import { readAlias, spelled } from './alias-name.ts'
import { collectSet, joinedPatch } from './attribute-options.ts'
import { CliFailure } from './failure.ts'
import { sizeOf } from './file.ts'

export interface UploadWish {
  readonly collection: string
  readonly asset?: string
  readonly alias?: string
  readonly label: readonly string[]
  readonly knownAs: readonly string[]
  readonly hint: readonly string[]
  readonly publish: string
  readonly set: readonly object[]
}

const collected = (one: string, before: readonly string[]): string[] => [...before, one]

export const withUploadWish = (command: Command): Command =>
  command
    .option('-c, --collection <name>', 'collection of new assets', 'product-photo')
    .option('-a, --asset <id>', 'add a version to this asset')
    .option('--alias <name>', 'your own name for a new asset')
    .option('-l, --label <label>', 'label of new assets, from their first moment on; may be repeated', collected, [])
    .option(
      '--known-as <namespace:id>',
      'what another system calls it, such as erp:4711; may be repeated',
      collected,
      [],
    )
    .option(
      '--hint <key=text>',
      'what tells the thing from others, for people: `legacy_id=A-77`; may be repeated',
      collected,
      [],
    )
    .option(
      '-s, --set <path=value>',
      'attribute of new assets (`seo.title=Shoe`); JSON where it is JSON',
      collectSet,
      [],
    )
    .addOption(
      new Option('--publish <policy>', 'when it becomes current').choices(PUBLISH_POLICIES).default('when-ready'),
    )

const hintOf = (text: string): [key: string, said: string] => {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) throw new CliFailure(2, 'usage', `Expected key=text, but got ${text}.`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** What is said of the asset and its version beside its place, in JSON. */
export const saidOf = ({ alias, label, knownAs, hint, set }: UploadWish) => ({
  ...(alias !== undefined && { alias }),
  ...(label.length > 0 && { labels: label }),
  ...(knownAs.length > 0 && { aliases: knownAs.map(readAlias) }),
  ...(hint.length > 0 && { identity_hints: Object.fromEntries(hint.map(hintOf)) }),
  ...(set.length > 0 && { attributes: joinedPatch(set) }),
})

/** The same as queries and Upload-Metadata take it; ids as in a URL. */
export const saidInText = (wish: UploadWish): Readonly<Record<string, string>> => {
  const { alias, labels, aliases, identity_hints, attributes } = saidOf(wish)
  return {
    ...(alias !== undefined && { alias }),
    ...(labels && { labels: labels.join(',') }),
    ...(aliases && { aliases: aliases.map(spelled).join(',') }),
    ...(identity_hints && { identity_hints: JSON.stringify(identity_hints) }),
    ...(attributes && { attributes: JSON.stringify(attributes) }),
  }
}

/** All of them are looked for before the first is sent. */
export const requireFiles = async (files: readonly string[], { asset, alias, knownAs }: UploadWish): Promise<void> => {
  if (files.length > 1 && (asset ?? alias ?? knownAs[0]) !== undefined)
    throw new CliFailure(2, 'one-file', 'An asset and an alias take one file at a time.')
  for (const file of files) await sizeOf(file)
}
