/** A gateway that is killed as soon as so many bytes have gone through a relay, again and again, and another one in its place. */
import { connect } from 'node:net'
import type { Forked } from '../support/fork-node.ts'
import { startRelay } from '../support/relay.ts'

/** A hundred take some minutes: `ASSET_MATRIX_KILLS=100`. */
export const killsOr = (few: number): number => Number(process.env.ASSET_MATRIX_KILLS ?? few)

type Serving = Forked & { readonly said: unknown }

interface Killing {
  readonly times: number
  /** Between two kills: so many at most. */
  readonly mostBytes: number
  readonly random: () => number
  readonly start: () => Promise<Serving>
  /** Another one serves, at this address. */
  readonly onServing: (url: string) => unknown
  /** What a dead process keeps for a while is given back at once. */
  readonly onDeath: () => Promise<unknown>
  /** What clients do meanwhile: begin no more once it does not go on. */
  readonly work: (goesOn: () => boolean) => Promise<unknown>
}

/** What the relay leads to, asked for each connection: a port here, or the path of a socket. */
export const openKills = async (target: () => number | string) => {
  let budget = Number.POSITIVE_INFINITY
  let spent: () => void = () => undefined
  const relay = await startRelay({
    connect: () => {
      const to = target()
      return typeof to === 'number' ? connect(to, '127.0.0.1') : connect(to)
    },
    listen: () => chunk => {
      budget -= chunk.length
      if (budget <= 0) spent()
    },
  })

  const spend = (bytes: number, { child, complaints }: Serving, working: Promise<unknown>): Promise<void> =>
    new Promise((resolve, reject) => {
      spent = resolve
      budget = bytes
      working.catch(reject)
      child.once('exit', code => reject(new Error(`A gateway ended by itself with ${code}: ${complaints()}`)))
    })

  return {
    port: relay.port,
    close: relay.close,
    /** Until the clients have got everything; gives what all that died have complained of. */
    async run({ times, mostBytes, random, start, onServing, onDeath, work }: Killing): Promise<string> {
      let killed = 0
      let serving = await start()
      await onServing(String(serving.said))
      const working = work(() => killed < times)
      let complaints = ''
      for (; killed < times; killed++) {
        const next = start()
        await spend(Math.floor(random() * mostBytes), serving, working)
        await serving.kill()
        complaints += serving.complaints()
        await onDeath()
        serving = await next
        await onServing(String(serving.said))
      }
      budget = Number.POSITIVE_INFINITY
      await working
      await serving.kill('SIGTERM')
      return complaints + serving.complaints()
    },
  }
}

export type Kills = Awaited<ReturnType<typeof openKills>>
