/** Entity tags against the lists that conditional requests bring (RFC 9110 section 8.8.3). Linear in the length of the list. */

/** Weak comparison, as `If-None-Match` has it (section 13.1.2): a `W/` in front does not matter. `*` is any tag. */
export const listsTag = (list: string, etag: string): boolean =>
  list.trim() === '*' || list.split(',').some(tag => tag.trim().replace(/^W\//, '') === etag)

/** Strong comparison, as `If-Match` has it (section 13.1.1): a weak tag names nothing. */
export const listsTagStrongly = (list: string, etag: string): boolean =>
  list.trim() === '*' || list.split(',').some(tag => tag.trim() === etag)
