/**
 * The data store that the protocol's library asks, for one request: in the words of the manifest and of the bucket. It also keeps
 * what the request has come to, for the hooks that the library calls afterwards.
 */
import { DataStore, Upload } from '@tus/server'
import type { Gateway } from '../../gateway.ts'
import { takePieces } from '../../ingest/pieces.ts'
import {
  addTusPieces,
  beginTusUpload,
  endTusUpload,
  finishTusUpload,
  type Held,
  type TusAnswer,
  type TusUpload,
  takeUpTusUpload,
} from '../../manifest/tus-uploads.ts'
import { refuse } from '../../model/errors.ts'
import { auditChange } from '../audit.ts'
import type { MatrixContext } from '../context.ts'
import { checksumOf } from './checksum.ts'
import { refusalAgain, superseded, tidy, type Whole } from './finish.ts'
import type { Wish } from './wish.ts'

export const EXTENSIONS = ['creation', 'creation-with-upload', 'expiration', 'termination', 'checksum']

export const noUpload = () => refuse('not-found', 'There is no such upload.')

/** What one request has in hand. */
export interface Hand {
  /** Set by whoever begins one. */
  wish: Wish | undefined
  /** The upload is whole: it is to be finished. */
  whole: Whole | undefined
  /** It was finished before. */
  done: TusAnswer | undefined
}

const auditedWish = ({ destination, publish }: Wish, length: number) => ({
  ...(destination.kind === 'asset' ? { collection: destination.collection } : { asset: destination.asset }),
  publish,
  length,
})

/** Throws what an upload in this state is to be answered with, whatever is asked of it. */
const requireUsable = (found: TusUpload | undefined): TusUpload => {
  if (found === undefined || found.state === 'EXPIRED') throw noUpload()
  if (found.state === 'REFUSED') throw refusalAgain(found.answer)
  if (found.isFinishing)
    throw refuse('upload-locked', 'All of it is there; ask again in a moment.', { retryAfterSeconds: 1 })
  return found
}

export const openStore = (c: MatrixContext, gateway: Gateway, hand: Hand): DataStore => {
  const { database, staging, config, metrics } = gateway
  const { tenant, id: principal, product = '' } = c.get('principal')
  let held: Held | undefined
  let now = { offset: 0, length: 0, wish: undefined as Wish | undefined, metadata: '', createdAt: new Date() }

  const takeUp = async (upload: string): Promise<TusUpload> => {
    const found = requireUsable(await takeUpTusUpload(database, { tenant, principal, upload }))
    held = { tenant, upload, fence: found.fence }
    now = { ...found, offset: found.received, wish: found.wish as Wish }
    if (found.state === 'DONE') hand.done = found.answer
    return found
  }
  const inHand = (): Held => {
    if (held === undefined) throw noUpload()
    return held
  }

  return Object.assign(new DataStore(), {
    extensions: EXTENSIONS,
    getExpiration: () => config.resumableSeconds * 1000,

    async create(file: Upload): Promise<Upload> {
      const { wish } = hand
      const length = file.size ?? 0
      if (wish === undefined) throw noUpload()
      const metadata = c.req.header('upload-metadata') ?? ''
      const { resumableOpen: mostOpen, resumableSeconds: lifeSeconds } = config
      const createdAt = await database.transaction(async tx => {
        const one = { tenant, upload: file.id, principal, product, wish, metadata, length, lifeSeconds, mostOpen }
        const begun = await beginTusUpload(tx, one)
        if (begun === undefined)
          throw refuse('rate-limited', `There are ${mostOpen} uploads open: finish or delete one.`, {
            details: { limit: mostOpen },
          })
        await auditChange(c, tx, { resource: `uploads/${file.id}`, after: auditedWish(wish, length) })
        return begun
      })
      metrics.tusUploads.inc({ event: 'created' })
      held = { tenant, upload: file.id, fence: 0 }
      now = { offset: 0, length, wish, metadata, createdAt }
      file.creation_date = createdAt.toISOString()
      return file
    },

    async getUpload(id: string): Promise<Upload> {
      // The library asks again for one that this request has just begun: not taken up anew.
      if (held === undefined) await takeUp(id)
      const { offset, length: size, createdAt } = now
      return new Upload({ id, size, offset, creation_date: createdAt.toISOString() })
    },

    async write(stream: Parameters<DataStore['write']>[0], id: string, offset: number): Promise<number> {
      const { length, wish } = now
      const mine = inHand()
      if (offset === length || wish === undefined) return offset
      const counted = async (pieces: Parameters<typeof addTusPieces>[2]): Promise<boolean> => {
        const isMine = await addTusPieces(database, mine, pieces)
        if (isMine) metrics.tusBytes.inc(pieces.reduce((sum, { bytes }) => sum + bytes, 0))
        else metrics.tusUploads.inc({ event: 'superseded' })
        return isMine
      }
      const taken = await takePieces(stream as never, {
        ...{ staging, tenant, upload: id, offset, length, idleMs: config.uploadIdleMs },
        check: checksumOf(c.req.header('upload-checksum')),
        commit: counted,
      })
      if (taken.tail) {
        if (!(await finishTusUpload(database, mine))) throw superseded()
        metrics.tusBytes.inc(taken.tail.reduce((sum, { length: bytes }) => sum + bytes, 0))
        hand.whole = { held: mine, wish, length, tail: taken.tail }
      }
      now.offset = taken.offset
      return taken.offset
    },

    async remove(id: string): Promise<void> {
      const { state } = await takeUp(id)
      if (state === 'DONE')
        throw refuse('conflict', 'The upload is finished; what became of it is deleted as an asset.')
      const mine = inHand()
      await database.transaction(async tx => {
        if (!(await endTusUpload(tx, mine, { state: 'TERMINATED' }))) throw superseded()
        await auditChange(c, tx, { resource: `uploads/${id}` })
      })
      metrics.tusUploads.inc({ event: 'terminated' })
      await tidy(gateway, mine)
    },
  })
}
