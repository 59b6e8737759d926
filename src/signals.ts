/** Resolves at the first SIGINT or SIGTERM, or when the parent of a forked process is gone; a second signal ends the process at once. */
export const untilSignal = (): Promise<string> =>
  new Promise(resolve => {
    let seen = false
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (seen) process.exit(1)
        seen = true
        resolve(signal)
      })
    }
    process.once('disconnect', () => resolve('disconnect'))
  })
