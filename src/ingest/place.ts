/** What an upload is in the manifest: an asset where it is new, its version, what is to be made of it, and the facts that say so. */
import { planVersion } from '../graph/plan-version.ts'
import { takeAliases } from '../manifest/aliases.ts'
import { insertAsset, insertVersion, takeVersion } from '../manifest/assets.ts'
import type { Sql } from '../manifest/database.ts'
import { appendFacts } from '../manifest/events.ts'
import { insertIdentityHints } from '../manifest/provenance.ts'
import { advanceVersion } from '../manifest/publish.ts'
import { type AliasName, MAX_ALIASES } from '../model/alias.ts'
import { changedPaths, NOTHING_SAID } from '../model/attributes.ts'
import { refuse } from '../model/errors.ts'
import type { Appended } from '../model/event.ts'
import { digestOf, newId } from '../model/ids.ts'
import { type Original, uprightSize } from '../model/original.ts'
import { trustOf } from '../model/source.ts'
import type { IngestedVersion, Permission, Upload } from './upload.ts'

/** Which asset, and whose, is not said. */
export const aliasTaken = () => refuse('alias-conflict', 'Another asset has this alias.')

/**
 * All of them or none, by an asset whose row is new or locked; those that it has already are its own. Resolves with the namespaces
 * of what is new to it: facts and audit have no ids of other systems, for they are not forgotten. Throws `alias-conflict`, and
 * `contract-violation` beyond what an asset may have.
 */
export const nameAsset = async (
  tx: Sql,
  { tenant, asset, by }: { tenant: string; asset: string; by: string },
  aliases: readonly AliasName[],
): Promise<readonly string[]> => {
  if (aliases.length === 0) return []
  const taken = await takeAliases(tx, { tenant, asset }, { aliases, by })
  if (!taken) throw aliasTaken()
  const { added, all } = taken
  if (all > MAX_ALIASES)
    throw refuse('contract-violation', 'The asset would have more aliases than one may.', {
      violations: [{ pointer: '/aliases', rule: 'too_many', message: `Expected at most ${MAX_ALIASES} of an asset.` }],
    })
  return added
}

interface PlaceOptions {
  readonly original: Original
  readonly deduplicated: boolean
  /** A scanner has to call it clean before anything is made of it (reconcile/scans.ts). */
  readonly isHeld: boolean
  readonly maxCpuMs: number
  readonly maxVariants: number
  readonly onPlan: ((nodes: number) => void) | undefined
}

/** Everything of an upload that is a row; runs inside its transaction. */
export const placeVersion = async (
  tx: Sql,
  {
    principal: { tenant, id: actor },
    destination,
    aliases = [],
    identityHints = {},
    publish,
    filename,
    source,
    cause,
  }: Upload,
  { collection, owner }: Permission,
  { original, deduplicated, isHeld, maxCpuMs, maxVariants, onPlan }: PlaceOptions,
): Promise<{ version: IngestedVersion; offered: boolean }> => {
  const asset = destination.kind === 'version' ? destination.asset : newId()
  const facts: Appended[] = []
  if (destination.kind === 'asset') {
    const { alias, labels, attributes = {} } = destination
    const paths = changedPaths(NOTHING_SAID, { labels: [], attributes })
    const inserted = await insertAsset(tx, {
      tenantId: tenant,
      assetId: asset,
      collectionId: collection.collection,
      ownerProduct: owner,
      alias,
      labels,
      attributes,
      createdBy: actor,
    })
    if (!inserted) throw aliasTaken()
    facts.push({
      type: 'asset.created',
      data: {
        asset,
        collection: collection.collection,
        owner,
        ...(labels.length > 0 && { labels }),
        ...(paths.length > 0 && { attributes: paths }),
      },
    })
  }
  const taken = await takeVersion(tx, tenant, asset)
  if (taken === undefined) throw refuse('asset-archived', 'The asset is archived.')
  const added = await nameAsset(tx, { tenant, asset, by: actor }, aliases)
  if (added.length > 0) facts.push({ type: 'asset.aliases_changed', data: { asset, added } })
  const { version } = taken
  const eventId = newId()
  const { sha256, bytes, mediaType, image } = original
  await insertVersion(tx, {
    tenantId: tenant,
    assetId: asset,
    version,
    sha256,
    state: isHeld ? 'PENDING' : 'PROCESSING',
    publishPolicy: publish,
    eventId,
    filename,
    source,
    createdBy: actor,
  })
  if (Object.keys(identityHints).length > 0)
    await insertIdentityHints(tx, { tenant, asset, version }, { trust: trustOf(source.entrance), identityHints })
  facts.push({
    id: eventId,
    type: 'asset.version_created',
    data: { asset, version, digest: digestOf(sha256), bytes, media_type: mediaType, deduplicated },
  })
  const told = await appendFacts(tx, { tenant, asset, cause, facts })

  const caused = { ...cause, causationId: eventId }
  const planned = {
    tenant,
    collection: collection.collection,
    asset,
    version,
    sha256,
    image,
    cause: caused,
  }
  const offered = !isHeld && (await planVersion(tx, planned, { maxCpuMs, maxVariants, onPlan }))
  const state = await advanceVersion(tx, { tenant, asset, version, cause: caused })
  return {
    offered,
    version: {
      asset,
      collection: collection.collection,
      version,
      state: state ?? 'PROCESSING',
      digest: digestOf(sha256),
      bytes,
      media_type: mediaType,
      ...(image && { ...uprightSize(image), frames: image.frames }),
      deduplicated,
      // Its row has been locked since.
      publication: taken.publication + (state === 'ACTIVE' ? 1 : 0),
      event_no: told?.no ?? 0,
    },
  }
}
