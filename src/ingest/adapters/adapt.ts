/** The adapters by name. */
import { refuse } from '../../model/errors.ts'
import type { AdapterName, SourceSystem } from '../../model/source-system.ts'
import type { Adapted, Adapter } from './adapter.ts'
import { cloudEvents } from './cloudevents.ts'
import { s3Events } from './s3-events.ts'

const ADAPTERS = { cloudevents: cloudEvents, 's3-events': s3Events } satisfies Record<AdapterName, Adapter>

/** Throws `contract-violation`, or what the adapter does. */
export const adapt = (raw: Buffer, settings: Pick<SourceSystem, 'adapter' | 'baseUrl'>): Adapted => {
  let payload: unknown
  try {
    payload = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw))
  } catch (cause) {
    throw refuse('contract-violation', 'The payload is not JSON.', { cause })
  }
  return ADAPTERS[settings.adapter](payload, settings)
}
