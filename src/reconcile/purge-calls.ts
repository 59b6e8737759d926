/** What several purges come to in calls of one target: each tag once, no more of them than a call takes, until it is too many. */
import type { PurgeAnswer, PurgeTarget } from '../deliver/purge.ts'
import { inLanes } from '../lib/in-lanes.ts'
import type { Purge } from '../model/purge.ts'
import type { Said } from './purge-progress.ts'

interface Call {
  readonly purges: readonly Purge[]
  readonly tags: readonly string[]
}

export const callsOf = (purges: readonly Purge[], tagsPerCall: number | undefined): readonly Call[] => {
  if (tagsPerCall === undefined) return purges.map(purge => ({ purges: [purge], tags: purge.tags }))
  const tags = [...new Set(purges.flatMap(purge => purge.tags))]
  return Array.from({ length: Math.ceil(tags.length / tagsPerCall) }, (_, n) => {
    const some = new Set(tags.slice(n * tagsPerCall, (n + 1) * tagsPerCall))
    return { purges: purges.filter(purge => purge.tags.some(tag => some.has(tag))), tags: [...some] }
  })
}

/** A purge was taken if every call with a tag of it was; the first that was not says what to do. */
const together = (answers: readonly Said[]): Said => {
  const refused = answers.find(said => said !== undefined && !said.ok)
  return refused ?? (answers.includes(undefined) ? undefined : answers[0])
}

/** The answer for each purge, in their order. Who is told too much is left alone, and so are the purges behind. */
export const tell = async (
  target: PurgeTarget,
  purges: readonly Purge[],
  isInTime: () => boolean,
): Promise<readonly Said[]> => {
  const calls = callsOf(purges, target.tagsPerCall)
  let limit: Extract<PurgeAnswer, { ok: false }> | undefined
  const said = await inLanes(calls, {
    atOnce: target.callsAtOnce,
    goesOn: () => limit === undefined && isInTime(),
    work: async call => {
      const answer = await target.send(call)
      if (!answer.ok && answer.limited) limit ??= answer
      return answer
    },
  })
  const ofCalls = said.map(answer => answer ?? limit)
  const byPurge = new Map<Purge, Said[]>(purges.map(purge => [purge, []]))
  calls.forEach((call, n) => {
    for (const purge of call.purges) byPurge.get(purge)?.push(ofCalls[n])
  })
  return purges.map(purge => together(byPurge.get(purge) ?? []))
}
