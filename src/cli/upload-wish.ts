/** Where files go and as what: the same of every command that uploads. */
import { type Command, Option } from 'commander'
import { PUBLISH_POLICIES } from '../model/asset.ts'
import { collectSet, joinedPatch } from './attribute-options.ts'
import { CliFailure } from './failure.ts'
import { sizeOf } from './file.ts'

export interface UploadWish {
  readonly collection: string
  readonly asset?: string
  readonly alias?: string
  readonly label: readonly string[]
  readonly publish: string
  readonly set: readonly object[]
}

export const withUploadWish = (command: Command): Command =>
  command
    .option('-c, --collection <name>', 'collection of new assets', 'product-photo')
    .option('-a, --asset <id>', 'add a version to this asset')
    .option('--alias <name>', 'your own name for a new asset')
    .option(
      '-l, --label <label>',
      'label of new assets, from their first moment on; may be repeated',
      (label: string, before: readonly string[]) => [...before, label],
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

/** As a query and Upload-Metadata take them. */
export const attributesOf = ({ set }: UploadWish): { readonly attributes?: string } =>
  set.length === 0 ? {} : { attributes: JSON.stringify(joinedPatch(set)) }

/** All of them are looked for before the first is sent. */
export const requireFiles = async (files: readonly string[], { asset, alias }: UploadWish): Promise<void> => {
  if (files.length > 1 && (asset ?? alias) !== undefined)
    throw new CliFailure(2, 'one-file', 'An asset and an alias take one file at a time.')
  for (const file of files) await sizeOf(file)
}
