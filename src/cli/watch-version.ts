/** Follows a version until nothing is pending: the events of its progress, read line by line. */
import { setTimeout as pause } from 'node:timers/promises'
import { call, type GlobalOptions } from './client.ts'
import { CliFailure } from './failure.ts'

export interface Counts {
  readonly required: number
  readonly done: number
  readonly dead: number
}

interface Told {
  readonly state: string
  readonly code?: string
  readonly products?: readonly Counts[]
  readonly others?: Counts
}

export interface Watched extends Counts {
  readonly state: string
}

const sum = ({ products = [], others, state }: Told): Watched => {
  const all = others ? [...products, others] : products
  const of = (name: keyof Counts): number => all.reduce((total, counts) => total + counts[name], 0)
  return { state, required: of('required'), done: of('done'), dead: of('dead') }
}

const eventOf = (block: string): { event: string; data: Told } | undefined => {
  const [, event = ''] = /^event: (.*)$/m.exec(block) ?? []
  const [, data] = /^data: (.*)$/m.exec(block) ?? []
  return data === undefined ? undefined : { event, data: JSON.parse(data) as Told }
}

const AGAIN_MS = 500

/** Event by event, until it ends or breaks off. */
async function* eventsOf(response: Response): AsyncGenerator<{ event: string; data: Told }> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const told of blocks.map(eventOf)) if (told) yield told
  }
}

/** Asks again where a stream ends before there is an end. Throws what `call` does, and the signal's reason. */
export const watchVersion = async (
  options: GlobalOptions,
  { asset, version, signal }: { asset: string; version: number; signal: AbortSignal },
  onCounts: (counts: Watched) => void,
): Promise<Watched> => {
  let seen: Watched = { state: 'PROCESSING', required: 0, done: 0, dead: 0 }
  for (;;) {
    const response = await call(options, `/v1/assets/${asset}/versions/${version}/progress`, { signal })
    try {
      for await (const { event, data } of eventsOf(response)) {
        if (event === 'end') return seen
        if (event === 'problem')
          throw new CliFailure(1, data.code ?? 'internal', 'The version cannot be watched any more.')
        seen = sum(data)
        onCounts(seen)
      }
    } catch (error) {
      signal.throwIfAborted()
      // The connection broke; whether the gateway is away is found out by asking again.
      if (error instanceof CliFailure) throw error
    }
    await pause(AGAIN_MS, undefined, { signal })
  }
}
