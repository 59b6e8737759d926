/** Uploads that clients put into the staging bucket themselves. Spread into the list of all variables. */
import { declare, integer } from '../environment.ts'
import { MIB } from './inputs.ts'

const GIB = 1024 * MIB

export const STAGING = {
  maxStagedBytes: declare(
    'MAX_STAGED_BYTES',
    integer(1, 5 * GIB),
    String(5 * GIB),
    'Largest upload by presigned URLs: 5 GiB, which one S3 PUT of the original takes.',
  ),
  stagedPartBytes: declare(
    'STAGED_PART_BYTES',
    integer(5 * MIB, 5 * GIB),
    String(64 * MIB),
    'Presigned uploads beyond this are sent in parts of this size: 80 of 64 MiB make 5 GiB, and a lost connection costs one.',
  ),
  stagedUrlSeconds: declare(
    'STAGED_URL_SECONDS',
    integer(60, 43_200),
    '900',
    'Life of a URL to put bytes to, s; a request that began in time may go on. Fresh ones are given until the upload ends.',
  ),
  stagedLifeSeconds: declare(
    'STAGED_LIFE_SECONDS',
    integer(60, 604_800),
    '86400',
    'After this a presigned upload that was not completed ends, and its bytes are removed, s.',
  ),
  maxOpenUploads: declare(
    'MAX_OPEN_UPLOADS',
    integer(1, 1_000_000),
    '1000',
    'Presigned uploads of one product that may be open at once; their announced bytes count to its budget. Beyond, 429.',
  ),
} as const
