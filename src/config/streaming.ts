/** Bytes that go through the gateway. Spread into the list of all variables. */
import { declare, integer } from '../environment.ts'
import { MIB } from './inputs.ts'

export const STREAMING = {
  hotBytes: declare(
    'HOT_BYTES',
    integer(0, 2 ** 36),
    String(64 * MIB),
    'Memory of a gateway for derivatives that it streams, bytes; each may be a 128th of it: 512 KiB of 64 MiB. 0: none, every one is read from S3 each time.',
  ),
  streamStallMs: declare(
    'STREAM_STALL_MS',
    integer(100, 3_600_000),
    '30000',
    'A reader of streamed bytes who takes none for so long is cut off, ms: each one holds a connection to S3, of which there are 256.',
  ),
} as const
