/** The only place where keys of nodes are made. */
import { canonicalText, sha256Hex } from '../lib/canonical.ts'
import type { EngineParts } from '../model/engine.ts'
import { MatrixError } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { Step } from '../model/recipe.ts'
import { secondOf } from '../ops/composite.ts'

/**
 * The engine whose pixels these keys name. Patch releases stay on the line, so that an upgrade does not empty a store; what
 * changes pixels gets a new line. The number after the slash is a salt to disown results.
 */
export const ENGINE_LINE = 'vips8.18/1'

/** Of the build that this process runs: another patch release of a library, or another architecture, is another build. */
export const engineFingerprint = (parts: EngineParts): string =>
  sha256Hex(canonicalText(parts)).slice(0, FINGERPRINT_LENGTH)

const FINGERPRINT_LENGTH = 16

/** Refuses to start on an engine that is not of the line: two encoders never mix under one key. */
export const assertEngine = ({ vips }: { readonly vips?: string | undefined }): void => {
  if (!vips?.startsWith('8.18.')) {
    throw new MatrixError('internal', `Expected libvips 8.18 for engine line ${ENGINE_LINE} but received ${vips}`)
  }
}

type Input = Hex | { readonly blob: Hex; readonly page: number }

export const nodeKey = ({ op, epoch, params }: Step, inputs: readonly Input[]): Hex =>
  sha256Hex(canonicalText({ k: 'node/1', op: [op, epoch, params], in: inputs, engine: ENGINE_LINE }))

/**
 * `keys[i]` names what exists after `chain[i]`. Equal prefixes have equal keys, and that is all there is to sharing. A step that
 * lays on a second picture has that one's node for another input.
 */
export const chainKeys = (chain: readonly Step[], original: Hex): readonly Hex[] => {
  let input: Input = { blob: original, page: 0 }
  return chain.map(step => {
    const second = secondOf(step)
    const other = second && (chainKeys(second.chain, second.original).at(-1) as Hex)
    input = nodeKey(step, other === undefined ? [input] : [input, other])
    return input
  })
}
