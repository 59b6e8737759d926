/** The streams that the environment asks for. */
import type { Config } from '../config.ts'
import type { QueueBackend } from '../queue/backend.ts'
import type { Log } from '../telemetry/log.ts'
import { openRedisStreams } from './redis-streams.ts'
import type { EventStreams } from './streams.ts'

export const openConfiguredStreams = (
  { eventStreams }: Config,
  { queue, log }: { queue: QueueBackend; log: Log },
): EventStreams | undefined =>
  queue.kind === 'redis' && eventStreams
    ? openRedisStreams(queue.url, { onError: error => log.debug({ err: error }, 'streams connection') })
    : undefined
