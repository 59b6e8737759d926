/** Polls until something holds; the only way in which a test waits for what gives no event. */
import { setTimeout as delay } from 'node:timers/promises'

export const until = async <T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  { withinMs = 10_000, everyMs = 25 } = {},
): Promise<T> => {
  const deadline = Date.now() + withinMs
  for (;;) {
    const found = await check()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`Expected within ${withinMs} ms: ${what}`)
    await delay(everyMs)
  }
}
