/** Variables of what makes derivatives: how large, how many at once, for how long. */
import { CORES, declare, integer, integerOrCores } from '../environment.ts'

const MIB = 1024 * 1024

export const TRANSFORM_VARIABLES = {
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
  workers: declare(
    'WORKERS',
    integerOrCores(1, 256),
    CORES,
    'Decode processes of this process: a number, or `cores` for as many as the machine has.',
  ),
  avifPixels: declare(
    'AVIF_PIXELS',
    integer(1, 2 ** 31),
    '8000000',
    'Pixels of AVIF that one worker encodes at once in the background: it takes ten times what other formats do.',
  ),
  waitQueue: declare(
    'WAIT_QUEUE',
    integer(1, 1_000_000),
    '64',
    'Derivatives that may be waited for at once; of one product, three quarters of it. Beyond, 429 and 503.',
  ),
  decodeSoftMs: declare(
    'DECODE_SOFT_MS',
    integer(10, 600_000),
    '10000',
    'After this the decoder is asked to stop, ms; in the background, at low priority, nine times as long.',
  ),
  decodeHardMs: declare(
    'DECODE_HARD_MS',
    integer(50, 600_000),
    '30000',
    'After this without progress the decode process is killed, ms; in the background nine times as long. Of CPU it has as much for each output, and once more, in all.',
  ),
  maxTransformCpuMs: declare(
    'MAX_TRANSFORM_CPU_MS',
    integer(100, 3_600_000),
    '30000',
    'CPU that one output may be estimated at, ms; a recipe that comes to more on an original is refused there.',
  ),
  decodeMemoryBytes: declare(
    'DECODE_MEMORY_BYTES',
    integer(64 * MIB, 64 * 1024 ** 3),
    String(1024 * MIB),
    'Memory of a decode process: 1 GiB holds 50 MP several times.',
  ),
  decodeRecycle: declare(
    'DECODE_RECYCLE',
    integer(1, 1_000_000),
    '500',
    'Jobs after which a decode process is replaced.',
  ),
  leaseMs: declare(
    'LEASE_MS',
    integer(1_000, 3_600_000),
    '60000',
    'How long a node belongs to a silent worker, ms; extended every third of it.',
  ),
  pollMs: declare(
    'POLL_MS',
    integer(50, 600_000),
    '2000',
    'How often workers look for work that no hint told them of, ms.',
  ),
}
