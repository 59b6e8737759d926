/** What somebody else's server calls its content is a hint, not the claim of a sender: the content decides wherever it can. */
import { isMatrixError } from '../model/errors.ts'
import { type Identity, identify } from './identify.ts'
import type { Received } from './receive.ts'

const UNKNOWN = 'application/octet-stream'

/** Servers say `image/jpeg` of a PNG by its name; that is no reason to refuse the PNG. Throws what `identify` does. */
export const identifyHinted = async (
  received: Received,
  hint: string | undefined,
  limits: Parameters<typeof identify>[2],
): Promise<Identity> => {
  const identity = await identify(received, undefined, limits)
  if (identity.mediaType !== UNKNOWN || hint === undefined) return identity
  try {
    return await identify(received, hint, limits)
  } catch (error) {
    if (isMatrixError(error, 'content-mismatch') || isMatrixError(error, 'unsupported-media')) return identity
    throw error
  }
}
