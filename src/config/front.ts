/** What a server in front is known by, and told. Spread into the list of all variables. */
import { accelPrefix, declare, frontSecret, optional } from '../environment.ts'

export const FRONT = {
  accelSecret: optional(
    'ACCEL_SECRET',
    frontSecret,
    'What the nginx in front says in `Matrix-Front`, 16 or more characters: only it is answered with X-Accel-Redirect. Without it, edges that deliver by accel stream.',
    true,
  ),
  accelPrefix: declare(
    'ACCEL_PREFIX',
    accelPrefix,
    '/_matrix',
    'Internal location of the nginx in front that X-Accel-Redirect names; behind it comes /o/.',
  ),
} as const
