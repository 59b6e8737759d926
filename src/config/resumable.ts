/** Uploads in pieces. Spread into the list of all variables. */
import { declare, integer } from '../environment.ts'

export const RESUMABLE = {
  maxResumableBytes: declare(
    'MAX_RESUMABLE_BYTES',
    integer(1, 5 * 1024 ** 3),
    String(5 * 1024 ** 3),
    'Largest upload by tus: 5 GiB, which is what one S3 PUT takes. The spool folder holds it once while it is verified.',
  ),
  resumableSeconds: declare(
    'RESUMABLE_SECONDS',
    integer(60, 30 * 86_400),
    '86400',
    'How long an upload by tus may take from its creation on, s; what it left is removed afterwards.',
  ),
  resumableOpen: declare(
    'RESUMABLE_OPEN',
    integer(1, 100_000),
    '100',
    'Uploads by tus that a product may have open at once. Each one that is being written to takes up to 8 MiB of memory.',
  ),
} as const
