/**
 * Ctrl-C reaches the whole foreground group, and npm passes what it got on to its child: one key is two signals, some
 * milliseconds apart. Only one that comes later means that somebody has lost patience.
 */
const ECHO_MS = 1_000

/** Calls `stop` at the first SIGINT or SIGTERM; a later one ends the process at once. */
export const onSignal = (stop: (signal: string) => void): void => {
  let firstAt: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const now = performance.now()
      if (firstAt === undefined) {
        firstAt = now
        stop(signal)
      } else if (now - firstAt > ECHO_MS) process.exit(1)
    })
  }
}

/** Resolves at the first signal, or when the parent of a forked process is gone. */
export const untilSignal = (): Promise<string> =>
  new Promise(resolve => {
    const parentGone = (): void => resolve('disconnect')
    process.once('disconnect', parentGone)
    onSignal(signal => {
      // Whoever listens to the channel of a parent keeps the process from ending.
      process.off('disconnect', parentGone)
      resolve(signal)
    })
  })
