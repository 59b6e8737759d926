/** One look and nothing set in motion, for who answers what is ready and leaves the rest to others. */
import type { ResolveFacts } from '../manifest/resolve-read.ts'
import type { Dpr } from '../model/delivery-path.ts'
import type { Proven } from '../model/principal.ts'
import type { Grant } from '../model/product.ts'
import { onLadder } from './ad-hoc.ts'
import type { Ready } from './answer.ts'
import { atDensity, densityFor } from './density.ts'
import { permit } from './permit.ts'
import { answerFrom, keyOf, type LookDependencies, proved, type Question } from './resolve.ts'

interface Given extends Pick<Question, 'format' | 'accept'> {
  readonly lean: boolean | undefined
  /** That the browser asked for and the product heeds. */
  readonly dpr: Dpr | undefined
  /** By its identity: one may take over from the other when its time has come. */
  readonly edge: Grant | undefined
  readonly ready: Ready
}

/** `undefined` for whatever is not ready. Throws the refusals of `resolve`. */
export type Peek = (question: Question) => Promise<Ready | undefined>

/** What proved the principal may have been changed since. */
const isOutdated = (proven: Proven | undefined, { matrixRevision }: ResolveFacts): boolean =>
  proven?.asOf !== undefined && proven.asOf !== matrixRevision

const isSame = (last: Given, { format, accept, lean, dpr, edge }: Omit<Given, 'ready'>): boolean =>
  last.format === format && last.accept === accept && last.lean === lean && last.dpr === dpr && last.edge === edge

/**
 * Facts that still hold are the same object (manifest/warm-read.ts), made for one question but for `format`, `accept` and hints: the
 * last answer to these is given again. What they permit is decided anew each time.
 *
 * A variant for a screen is told by the facts of its rendition, too: what is complete changes by nothing that these would outlast.
 */
export const openPeek = (dependencies: LookDependencies): Peek => {
  const { tenant, read } = dependencies
  const given = new WeakMap<ResolveFacts, Given>()
  const peek: Peek = async asked => {
    const { format, accept } = asked
    const lean = asked.hints?.saveData
    const facts = await read(keyOf(tenant, asked))
    if (isOutdated(asked.proven, facts)) return undefined
    const question = proved(dependencies, facts, asked)
    const edge = await permit(dependencies, facts, question)
    const dpr = densityFor(facts, question)
    // What somebody proved to us ends with the proof, not with the facts.
    const last = question.proven ? undefined : given.get(facts)
    if (last !== undefined && isSame(last, { format, accept, lean, dpr, edge })) return last.ready
    if (onLadder(facts, question) !== question.rendition) return undefined
    const plain = answerFrom(facts, question, { tenant, edge })
    if (plain.kind !== 'ready') return undefined
    if (dpr === undefined) {
      if (!question.proven) given.set(facts, { format, accept, lean, dpr, edge, ready: plain })
      return plain
    }
    const denser = await peek({ ...asked, dpr })
    if (denser === undefined) return undefined
    const ready = await atDensity(plain, { dpr, isAway: false, ask: async () => denser })
    if (!question.proven && ready.complete) given.set(facts, { format, accept, lean, dpr, edge, ready })
    return ready
  }
  return peek
}
