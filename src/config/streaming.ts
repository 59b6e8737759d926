/** Bytes that go through the gateway. Spread into the list of all variables. */
import { declare, integer } from '../environment.ts'

export const STREAMING = {
  streamStallMs: declare(
    'STREAM_STALL_MS',
    integer(100, 3_600_000),
    '30000',
    'A reader of streamed bytes who takes none for so long is cut off, ms: each one holds a connection to S3, of which there are 256.',
  ),
} as const
