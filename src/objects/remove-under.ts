import type { ObjectStore } from './store.ts'

/** All of a prefix, those included that no row knows. Idempotent. */
export const removeUnder = async (store: ObjectStore, prefix: string): Promise<void> => {
  for await (const { key } of store.list(prefix)) await store.delete(key)
}
