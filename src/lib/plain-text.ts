/**
 * Text that people read, without what they cannot see: control characters, and the marks and overrides of direction with which
 * `gpj.exe` shows itself as `exe.jpg` (Unicode technical report 36, section 2.2).
 */
export const withoutControls = (text: string): string =>
  text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')

/** The last segment of the name, without what cannot be seen, at most 255 characters: a label, never a path. */
export const cleanFilename = (name: string | undefined): string | undefined =>
  name === undefined ? undefined : withoutControls(name.replace(/^.*[\\/]/s, '')).slice(0, 255) || undefined
