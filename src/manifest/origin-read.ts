/** Where the bytes of a digest lie: one probe of a primary key, gathered like the reads of the request path. */
import { gather } from '../lib/gather.ts'
import type { Hex } from '../model/ids.ts'
import type { Database } from './database.ts'
import { array } from './resolve-read.ts'

export interface OriginKey {
  readonly tenant: string
  readonly sha256: Hex
  readonly original: boolean
}

export interface StoredBytes {
  readonly objectKey: string
  readonly bytes: number
  readonly mediaType: string
}

const ORIGIN = {
  name: 'origin_lookup',
  text: `select coalesce(d.object_key, o.object_key), coalesce(d.byte_length, o.byte_length), coalesce(d.media_type, o.media_type)
         from unnest($1::text[], $2::text[], $3::boolean[]) with ordinality as q (tenant, sha256, original, ord)
         left join derivative d on not q.original and d.tenant_id = q.tenant and d.sha256 = decode(q.sha256, 'hex')
         left join original o on q.original and o.tenant_id = q.tenant and o.sha256 = decode(q.sha256, 'hex')
         order by q.ord`,
}

/** `undefined`: the tenant has no such bytes. */
export const openOriginReader = (database: Database): ((key: OriginKey) => Promise<StoredBytes | undefined>) =>
  gather<OriginKey, StoredBytes | undefined>({
    read: async keys => {
      const rows = (await database.hotRows(ORIGIN, [
        array(keys.map(({ tenant }) => tenant)),
        array(keys.map(({ sha256 }) => sha256)),
        array(keys.map(({ original }) => original)),
      ])) as [objectKey: string | null, bytes: number, mediaType: string][]
      return rows.map(([objectKey, bytes, mediaType]) =>
        objectKey === null ? undefined : { objectKey, bytes, mediaType },
      )
    },
  })
