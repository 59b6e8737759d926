/** Events in Redis Streams, where there is a Redis. Spread into the list of all variables. */
import { declare, flag, integer } from '../environment.ts'

const keptHours = integer(1, 8_760)

export const STREAM_OUTPUT = {
  eventStreams: declare(
    'EVENT_STREAMS',
    flag,
    '1',
    'Carry events into streams of the Redis of REDIS_URL, for groups of consumers that may read all of them; 0: not.',
  ),
  streamAssetsHours: declare(
    'STREAM_ASSETS_HOURS',
    keptHours,
    '168',
    'For so long an event stays in the stream `assets`, h; the log has it after that, too.',
  ),
  streamRenditionsHours: declare('STREAM_RENDITIONS_HOURS', keptHours, '24', 'The same in the stream `renditions`, h.'),
  streamContractsHours: declare('STREAM_CONTRACTS_HOURS', keptHours, '168', 'The same in the stream `contracts`, h.'),
  streamSystemHours: declare('STREAM_SYSTEM_HOURS', keptHours, '168', 'The same in the stream `system`, h.'),
} as const
