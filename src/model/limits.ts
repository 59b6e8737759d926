/** Deaths of a decode process while it worked on a node: once may be chance, twice is the input. */
export const MAX_CRASHES = 2
/** Nodes of one original in one claim: bounds what a lost worker has to do again. */
export const MAX_CLAIM = 16
