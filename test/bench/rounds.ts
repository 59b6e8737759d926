/** Servers under the same load by turns: a machine that others use changes under a run, so everybody's turn comes in every round. */
import { load, type Measured } from './load.ts'
import { quantile, ratio } from './report.ts'

export interface Sample extends Measured {
  /** Of the server's own process, a request. */
  readonly cpuUs: number
  /** Of what it asks, a request. */
  readonly enginesUs: number
}

export interface Contender {
  readonly name: string
  readonly address: string
  readonly paths: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly status: number
  /** So far. */
  readonly cpuMs: () => number
  readonly enginesMs?: () => number
}

export interface RoundsOptions {
  readonly connections: number
  readonly seconds: number
  readonly rounds: number
}

/** A round before them compiles what is hot. */
export const measureRounds = async <T extends Contender>(
  contenders: readonly T[],
  { connections, seconds, rounds }: RoundsOptions,
): Promise<ReadonlyMap<T, readonly Sample[]>> => {
  const samples = new Map<T, Sample[]>(contenders.map(contender => [contender, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const contender of contenders) {
      const { address, paths, headers = {}, status, cpuMs, enginesMs = () => 0 } = contender
      const before = [cpuMs(), enginesMs()] as const
      const order = { address, paths, headers, connections, status }
      const measured = await load({ ...order, seconds: round === 0 ? 1 : seconds })
      const perRequest = (ms: number): number => (ms * 1000) / measured.requests
      const [cpuUs, enginesUs] = [perRequest(cpuMs() - before[0]), perRequest(enginesMs() - before[1])]
      if (round > 0) samples.get(contender)?.push({ ...measured, cpuUs, enginesUs })
    }
  }
  return samples
}

export const median = (samples: readonly Sample[], pick: (sample: Sample) => number): number =>
  quantile(samples.map(pick), 0.5)

/** The median of the ratios within the rounds. */
export const against = (
  samples: readonly Sample[],
  reference: readonly Sample[],
  pick: (sample: Sample) => number,
): string => {
  const ratios = samples.map((sample, round) => pick(sample) / pick(reference[round] as Sample))
  return ratio(quantile(ratios, 0.5), 1)
}
