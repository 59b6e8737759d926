/** What is made of a version goes back to the event that told of it, and to the request of that. */
import type { Origin } from '../model/event.ts'
import type { Sql } from './database.ts'

/** Of the event `e`, which may be absent. */
export const ORIGIN_COLUMNS = `e.event_id as "causationId", e.correlation_id as "correlationId", e.traceparent`

export interface OriginRow {
  readonly causationId: string | null
  readonly correlationId: string | null
  readonly traceparent: string | null
}

export const originOf = ({ causationId, correlationId, traceparent }: OriginRow): Origin | undefined =>
  causationId === null || correlationId === null
    ? undefined
    : { causationId, correlationId, traceparent: traceparent ?? undefined }

const OF_VERSION = {
  name: 'origin_of_version',
  text: `select ${ORIGIN_COLUMNS} from asset_version v join event e on e.tenant_id = v.tenant_id and e.event_id = v.event_id
         where v.tenant_id = $1 and v.asset_id = $2 and v.version = $3`,
}

/** `undefined`: of a version that is older than this is written down. */
export const originOfVersion = async (
  sql: Sql,
  { tenant, asset, version }: { readonly tenant: string; readonly asset: string; readonly version: number },
): Promise<Origin | undefined> => {
  const [row] = await sql.rows<OriginRow>(OF_VERSION, [tenant, asset, version])
  return row && originOf(row)
}
