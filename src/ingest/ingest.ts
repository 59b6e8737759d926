/**
 * One upload, whole or not at all:
 *
 *   authorise -> spool and hash -> verify what was announced -> identify and probe -> dedup or put (create-only)
 *     -> one transaction: original, asset, version, nodes and leaves of the subscribed renditions, events, stored answer -> hint
 *
 * Crash before the put: nothing exists. Between put and commit: an object under its own digest, which the retry of the upload
 * finds and uses, and the sweep knows by its missing row. After the commit: the upload is acknowledged by whoever asks again
 * with the same Idempotency-Key. A lost hint is found by the workers' poll.
 */
import type { Clock } from '../lib/clock.ts'
import { isAnotherAsset } from '../manifest/aliases.ts'
import { aliasExists, findAsset, findOriginal, insertOriginal } from '../manifest/assets.ts'
import { findCollection } from '../manifest/collections.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { claimErased } from '../manifest/erased-bytes.ts'
import { putBlocks } from '../manifest/original-metadata.ts'
import { findScan, requireScan } from '../manifest/scans.ts'
import { ALIASES_PATH } from '../model/alias.ts'
import { whyGone } from '../model/asset.ts'
import { attributeCheck, MOST_TOLD } from '../model/attribute-check.ts'
import { changedPaths, NOTHING_SAID } from '../model/attributes.ts'
import { brokenByAliases, brokenByContent, brokenByNames, brokenByTrust } from '../model/collection-rules.ts'
import { refuse, type Violation } from '../model/errors.ts'
import { digestOf, type Hex } from '../model/ids.ts'
import type { Original } from '../model/original.ts'
import { infected } from '../model/scan.ts'
import type { Trust } from '../model/source.ts'
import { originalKey } from '../objects/keys.ts'
import type { ObjectStore } from '../objects/store.ts'
import { forbiddenAttributes } from '../policy/attributes.ts'
import { type Budget, limitsBytes, refusesBytes, refusesCpu } from '../policy/budget.ts'
import { type Asked, permitNewAsset, permitOnAsset, permitsType } from '../policy/permission.ts'
import type { Policy } from '../policy/policy.ts'
import type { Lane } from '../queue/queue.ts'
import { readAtOnce } from '../reading/normalise.ts'
import type { Identity } from './identify.ts'
import { aliasTaken, placeVersion } from './place.ts'
import type { Received } from './receive.ts'
import type { IngestedVersion, Permission, Upload } from './upload.ts'

export type { Destination, IngestedVersion, Permission, Upload } from './upload.ts'

export interface IngestDependencies {
  readonly database: Database
  readonly originals: ObjectStore
  readonly hint: (tenant: string, original: Hex, lane: Lane) => Promise<void>
  readonly clock: Clock
  readonly policy: Policy
  readonly maxCpuMs: number
  readonly budget: Budget
  readonly maxVariants: number
  /** Hears how many nodes a version was planned with. */
  readonly onPlan?: (nodes: number) => void
  /** A verdict of a scanner that is older is none. */
  readonly scanFreshSeconds: number
}

export interface Ingest {
  /** Throws `not-found`, `forbidden`, `contract-violation`, `asset-archived`, `alias-conflict` or `over-budget`. */
  authorise(
    upload: Pick<Upload, 'principal' | 'destination' | 'aliases'> & Pick<Asked, 'address'> & { readonly trust: Trust },
  ): Promise<Permission>
  /** Stores verified content. `onCommit` runs inside the transaction, with the answer. */
  store(
    upload: Upload,
    permission: Permission,
    content: { received: Received; identity: Identity },
    onCommit: (tx: Sql, version: IngestedVersion) => Promise<void>,
  ): Promise<IngestedVersion>
}

const refuseBroken = (violations: readonly Violation[]): void => {
  if (violations.length > 0) throw refuse('contract-violation', 'It is not what the collection takes.', { violations })
}

export const openIngest = ({
  database,
  originals,
  hint,
  clock,
  policy,
  maxCpuMs,
  budget: budgets,
  maxVariants,
  onPlan,
  scanFreshSeconds: freshSeconds,
}: IngestDependencies): Ingest => ({
  async authorise({ principal, destination, aliases = [], trust, address }) {
    const { tenant } = principal
    const asset = destination.kind === 'version' ? await findAsset(database, tenant, destination.asset) : undefined
    const collectionId = destination.kind === 'asset' ? destination.collection : asset?.collection
    const collection = collectionId === undefined ? undefined : await findCollection(database, tenant, collectionId)
    const product = principal.product ?? collection?.owner ?? ''
    const { labels, attributes = {} } = destination.kind === 'asset' ? destination : NOTHING_SAID
    const asked = { principal, product, action: 'write' as const, address }
    const permission = asset
      ? await permitOnAsset({ database, clock, policy }, { ...asked, asset: asset.asset })
      : await permitNewAsset(
          { database, clock, policy },
          { ...asked, labels, collection: collection?.collection ?? '' },
        )
    const { effect, rule } = permission
    if (effect === 'hide' || !collection) {
      throw refuse(
        'not-found',
        destination.kind === 'asset'
          ? 'There is no such collection for this product.'
          : 'There is no such asset for this product.',
        effect === 'hide' ? { denied: { rule } } : {},
      )
    }
    if (effect === 'forbid')
      throw refuse('forbidden', 'The product may not add assets here.', { details: { reasons: [rule] } })
    const said = [...changedPaths(NOTHING_SAID, { labels, attributes }), ...(aliases.length > 0 ? [ALIASES_PATH] : [])]
    const forbidden = forbiddenAttributes(principal, permission.question.edge, said)
    if (said.length > 0 && forbidden.length > 0)
      throw refuse('attribute-forbidden', 'The product may not write these labels, aliases or attributes here.', {
        details: { attributes: forbidden },
      })
    const gone = asset && whyGone({ archived: asset.archivedAt !== undefined, erased: asset.erasedAt !== undefined })
    if (gone) throw gone
    const rules = collection.rules ?? {}
    const broken = [...brokenByTrust(rules, trust), ...brokenByAliases(rules, aliases)]
    if (destination.kind === 'asset') {
      const unfit = collection.attributeSchema ? attributeCheck(collection.attributeSchema)(attributes) : []
      broken.push(...brokenByNames(rules, destination), ...unfit.slice(0, MOST_TOLD))
    }
    refuseBroken(broken)
    const alias = destination.kind === 'asset' ? destination.alias : undefined
    // Decided for good when the asset is inserted; asked here so that the ordinary case costs no upload and leaves no object.
    if (alias !== undefined && (await aliasExists(database, tenant, alias))) throw aliasTaken()
    if (await isAnotherAsset(database, { tenant, asset: asset?.asset, aliases })) throw aliasTaken()
    const budget = await budgets.of(database, tenant, product)
    const refusal = refusesCpu(budget) ?? refusesBytes(budget, 0)
    if (refusal) throw refusal
    return { collection, owner: product, conditions: permission.conditions, budget }
  },

  async store(upload, permission, { received, identity }, onCommit) {
    const { tenant } = upload.principal
    const { sha256, bytes } = received
    if (upload.announcedSha256 !== undefined && upload.announcedSha256 !== sha256) {
      throw refuse('content-mismatch', 'The content does not have the announced digest.', {
        violations: [{ pointer: 'Repr-Digest', rule: 'sha-256', message: `The content has ${digestOf(sha256)}.` }],
      })
    }
    if (!permitsType(permission, identity.mediaType))
      throw refuse('forbidden', 'The product may not add content of this type here.', {
        details: { reasons: ['media-type-outside'] },
      })
    const content = { bytes, ...identity, filename: upload.filename }
    refuseBroken(brokenByContent(permission.collection.rules ?? {}, content))
    const original: Original = {
      sha256,
      bytes,
      mediaType: identity.mediaType,
      objectKey: originalKey(tenant, sha256),
      image: identity.image,
    }
    const known = await findOriginal(database, tenant, sha256)
    const asksForScan = permission.collection.rules?.scan === true
    if (known && asksForScan && (await findScan(database, { tenant, sha256, freshSeconds })) === 'INFECTED')
      throw infected()
    // Decided for good when they are inserted; asked here so that the ordinary case leaves no object.
    const refusal = known ? undefined : refusesBytes(permission.budget, bytes)
    if (refusal) throw refusal
    const { objectKey: key, mediaType } = original
    const put = () => originals.put({ key, body: received.open, bytes, sha256, mediaType })
    if (!known) await put()
    const { blocks } = identity
    const read = !known && blocks ? readAtOnce(blocks) : undefined
    const { version, offered } = await database.transaction(async tx => {
      const created = await insertOriginal(tx, { tenantId: tenant, productId: permission.owner }, original)
      // What was there when it was looked for, or put, may have been erased since.
      if (created && (await claimErased(tx, { tenant, kind: 'original', sha256 })) && !(await originals.stat(key)))
        await put()
      if (created && limitsBytes(permission.budget)) await budgets.requireRoom(tx, tenant, permission.owner)
      if (created && blocks && read) await putBlocks(tx, { tenant, sha256 }, blocks, read)
      const placed = await placeVersion(tx, upload, permission, {
        original,
        deduplicated: !created,
        isHeld: asksForScan && (await requireScan(tx, { tenant, sha256, freshSeconds })) !== 'CLEAN',
        maxCpuMs,
        maxVariants,
        onPlan,
      })
      await onCommit(tx, placed.version)
      return placed
    })
    if (offered) await hint(tenant, sha256, 'eager')
    return version
  },
})
