import type { LeafState } from '../manifest/leaves.ts'
export const planOf = (leaves: readonly LeafState[]) => ({ text: JSON.stringify(leaves) })
