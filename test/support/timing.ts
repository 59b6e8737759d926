/** Whether two requests can be told apart by how long they take. */

export type Ask = () => Promise<unknown>

const millisecondsOf = async (ask: Ask): Promise<number> => {
  const startedAt = performance.now()
  await ask()
  return performance.now() - startedAt
}

/**
 * In which share of pairs the first took longer than the second: 0.5 where nothing tells them apart. Each pair runs side by
 * side in changing order, so that a machine that is busy for a while slows both. Of 300 pairs of equals the share strays from
 * one half by 0.029 (one standard deviation), whatever their spread; some round trips to Postgres more make it 0.9.
 */
export const slowerShare = async (first: Ask, second: Ask, pairs = 300): Promise<number> => {
  for (let i = 0; i < 20; i++) await Promise.all([first(), second()]) // both are compiled, prepared and cached
  let slower = 0
  for (let i = 0; i < pairs; i++) {
    const firstGoesFirst = i % 2 === 0
    const [early, late] = firstGoesFirst ? [first, second] : [second, first]
    const earlyMs = await millisecondsOf(early)
    const lateMs = await millisecondsOf(late)
    if (firstGoesFirst ? earlyMs > lateMs : lateMs > earlyMs) slower++
  }
  return slower / pairs
}
