export interface Lanes<Item, Result> {
  readonly atOnce: number
  readonly work: (item: Item, index: number) => Promise<Result> | Result
  /** Asked before each is begun. Default: it does. */
  readonly goesOn?: () => boolean
}

/**
 * Works through the items, at most so many at once and begun in their order. The results are in their order too; what was not
 * begun stays `undefined`. Rejects with the first failure, after which nothing more is begun.
 */
export const inLanes = async <Item, Result>(
  items: readonly Item[],
  { atOnce, work, goesOn = () => true }: Lanes<Item, Result>,
): Promise<(Result | undefined)[]> => {
  const results: (Result | undefined)[] = items.map(() => undefined)
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length && goesOn()) {
      const at = next++
      try {
        results[at] = await work(items[at] as Item, at)
      } catch (error) {
        next = items.length
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane))
  return results
}
