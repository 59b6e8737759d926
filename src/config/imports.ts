/** How much one import may be, and how fast it goes. Spread into the list of all variables. */
import { declare, integer } from '../environment.ts'
import { MIB } from './inputs.ts'

export const IMPORTS = {
  importLines: declare(
    'IMPORT_LINES',
    integer(1, 100_000),
    '10000',
    'Lines of one import; they are read whole before any of them is begun.',
  ),
  importBytes: declare(
    'IMPORT_BYTES',
    integer(1_024, 256 * MIB),
    String(16 * MIB),
    'Bytes of the manifest of one import, which is held in memory while it is read: 16 MiB are 1.6 KiB a line.',
  ),
  importLanes: declare(
    'IMPORT_LANES',
    integer(0, 64),
    '4',
    'Lines that a gateway works on at once; each takes a connection of DATABASE_POOL for some of its time. 0: it leaves imports to other gateways.',
  ),
} as const
