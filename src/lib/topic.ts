/** Tells those in this process who want to know. Listeners are called at once, in the order in which they came, and must not throw. */
export interface Topic<T> {
  publish(value: T): void
  /** Returns how to stop listening. */
  subscribe(listener: (value: T) => void): () => void
}

export const openTopic = <T>(): Topic<T> => {
  const listeners = new Set<(value: T) => void>()
  return {
    publish: value => {
      for (const listener of listeners) listener(value)
    },
    subscribe: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
