/**
 * The beginning of a staged upload. Whoever may not add what it announces is told so before anything is made; then the row is there
 * before its URL is, so that nothing can come to the bucket that has no row.
 *
 * Crash between the parts begun in the store and the row: a session without one, which the sweep drops.
 */
import type { Gateway } from '../gateway.ts'
import { stagedDestination } from '../ingest/complete-staged.ts'
import { claimOf } from '../ingest/identify.ts'
import type { Permission } from '../ingest/ingest.ts'
import { mayTakeKnown } from '../ingest/known-bytes.ts'
import type { Sql } from '../manifest/database.ts'
import { countOpenUploads, insertUpload } from '../manifest/uploads.ts'
import { refuse } from '../model/errors.ts'
import { type Hex, newId } from '../model/ids.ts'
import { trustOf } from '../model/source.ts'
import type { StagedUpload, StagedWish } from '../model/staged.ts'
import { stagingKey } from '../objects/keys.ts'
import { refusesBytes } from '../policy/budget.ts'
import { permitsType } from '../policy/permission.ts'
import { addressOf } from './address.ts'
import { auditChange } from './audit.ts'
import type { MatrixContext } from './context.ts'

export interface Announced {
  readonly wish: StagedWish
  readonly bytes: number
  readonly sha256: Hex | undefined
}

export interface Reserved {
  readonly upload: StagedUpload
  /** The bytes are here, and the caller may have them. */
  readonly isKnown: boolean
}

/** A store has 10,000 parts for an upload; as many URLs are more than anybody wants in one answer. */
const MOST_PARTS = 1_000
const TOO_MANY_SECONDS = 60

export const openReservation = (gateway: Gateway) => {
  const { config, database, ingest, staging } = gateway

  const permit = async (c: MatrixContext, { wish, bytes }: Announced): Promise<Permission> => {
    const principal = c.get('principal')
    const { aliases } = wish
    const address = addressOf(c)
    const asked = { principal, destination: stagedDestination(wish), aliases, trust: trustOf('staged'), address }
    const permission = await ingest.authorise(asked)
    const { collection } = permission.collection
    if (wish.asset !== undefined && wish.collection !== undefined && wish.collection !== collection)
      throw refuse('contract-violation', 'The body does not fit its schema.', {
        violations: [{ pointer: '/collection', rule: 'of-asset', message: 'The asset is in another collection.' }],
      })
    const limit = Math.min(config.maxStagedBytes, permission.collection.rules?.max_bytes ?? config.maxStagedBytes)
    if (bytes > limit) throw refuse('payload-too-large', `The limit is ${limit} bytes.`, { details: { limit } })
    const claim = claimOf(wish.mediaType)
    if (claim !== undefined && !permitsType(permission, claim))
      throw refuse('forbidden', 'The product may not add content of this type here.', {
        details: { reasons: ['media-type-outside'] },
      })
    return permission
  }

  /** Announced bytes count as if they were stored. */
  const requireRoom = async (tx: Sql, tenant: string, { budget, owner }: Permission, bytes: number): Promise<void> => {
    const open = await countOpenUploads(tx, tenant, owner)
    if (open.count >= config.maxOpenUploads)
      throw refuse('rate-limited', `The product has ${open.count} open uploads, which is as many as it may.`, {
        retryAfterSeconds: TOO_MANY_SECONDS,
      })
    const { used } = budget
    const refusal = refusesBytes(
      {
        ...budget,
        used: {
          ...used,
          stored_bytes: used.stored_bytes + open.bytes,
          tenant_stored_bytes: used.tenant_stored_bytes + open.tenantBytes,
        },
      },
      bytes,
    )
    if (refusal) throw refusal
  }

  /** `undefined`: it is sent in one request. */
  const beginParts = async (tenant: string, id: string, { wish, bytes }: Announced) => {
    if (bytes <= config.stagedPartBytes) return undefined
    const key = stagingKey(tenant, id)
    const { session } = await staging.beginParts({ key, mediaType: wish.mediaType })
    return { session, bytes: Math.max(config.stagedPartBytes, Math.ceil(bytes / MOST_PARTS)) }
  }

  return async (
    c: MatrixContext,
    announced: Announced,
    remember: (tx: Sql, reserved: Reserved) => Promise<void>,
  ): Promise<Reserved> => {
    const principal = c.get('principal')
    const { tenant } = principal
    const { wish, bytes, sha256 } = announced
    const permission = await permit(c, announced)
    const isKnown = sha256 !== undefined && (await mayTakeKnown(gateway, { principal, address: addressOf(c), sha256 }))
    const id = newId()
    const parts = await beginParts(tenant, id, announced)
    try {
      return await database.transaction(async tx => {
        await requireRoom(tx, tenant, permission, bytes)
        const upload = await insertUpload(tx, {
          tenant,
          id,
          product: permission.owner,
          wish: { ...wish, ...(wish.asset !== undefined && { collection: permission.collection.collection }) },
          bytes,
          sha256,
          parts,
          createdBy: principal.id,
          lifeSeconds: config.stagedLifeSeconds,
        })
        // Names that people gave are not in it.
        const { publish, mediaType, asset } = wish
        await auditChange(c, tx, {
          resource: `uploads/${id}`,
          after: {
            collection: permission.collection.collection,
            ...(asset !== undefined && { asset }),
            bytes,
            publish,
            ...(mediaType !== undefined && { media_type: mediaType }),
          },
        })
        const reserved = { upload, isKnown }
        await remember(tx, reserved)
        return reserved
      })
    } catch (error) {
      // Otherwise the sweep does it.
      if (parts) await staging.dropParts({ key: stagingKey(tenant, id), ...parts }).catch(() => undefined)
      throw error
    }
  }
}
