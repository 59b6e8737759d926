/** Work on an interval, one round at a time. */

export interface Repeated<T> {
  /** A round now, or what is left of the one that runs. */
  once(): Promise<T>
  /** Begins no more rounds and waits for the one that runs. */
  stop(): Promise<void>
}

export interface RepeatOptions {
  readonly everyMs: number
  /** Hears of rounds that the interval began; whoever asks for one hears of it as the rejection. */
  readonly onError: (error: unknown) => void
}

export const repeat = <T>(work: () => Promise<T>, { everyMs, onError }: RepeatOptions): Repeated<T> => {
  let running: Promise<T> | undefined
  const once = (): Promise<T> => {
    running ??= work().finally(() => {
      running = undefined
    })
    return running
  }
  const timer = setInterval(() => {
    if (running === undefined) once().catch(onError)
  }, everyMs)
  return {
    once,
    async stop() {
      clearInterval(timer)
      await running?.catch(() => undefined) // reported where it was begun
    },
  }
}
