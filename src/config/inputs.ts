/** What may come in: bytes of uploads, and pictures that are transformed. Spread into the list of all variables. */
import { declare, integer } from '../environment.ts'

export const MIB = 1024 * 1024

export const INPUTS = {
  maxUploadBytes: declare(
    'MAX_UPLOAD_BYTES',
    integer(1, 5 * 1024 ** 3),
    String(100 * MIB),
    'Largest direct upload: 100 MiB; 5 GiB is what one S3 PUT takes.',
  ),
  uploadIdleMs: declare('UPLOAD_IDLE_MS', integer(100, 600_000), '30000', 'Longest silence within an upload, ms.'),
  maxSourceBytes: declare(
    'MAX_SOURCE_BYTES',
    integer(1, 1024 ** 3),
    String(50 * MIB),
    'Largest image that is transformed; it is held in memory once per decode process.',
  ),
  maxSourcePixels: declare(
    'MAX_SOURCE_PIXELS',
    integer(1, 2 ** 31),
    '50000000',
    'Pixels of a frame: 50 MP decode to 200 MB of RGBA.',
  ),
  maxSourceSide: declare(
    'MAX_SOURCE_SIDE',
    integer(1, 65_535),
    '16383',
    'Pixels of the longer side: the limit of WebP.',
  ),
  maxFrames: declare('MAX_FRAMES', integer(1, 10_000), '200', 'Frames of an animation.'),
  maxAnimationPixels: declare(
    'MAX_ANIMATION_PIXELS',
    integer(1, 2 ** 31),
    '50000000',
    'Pixels of all frames together.',
  ),
} as const
