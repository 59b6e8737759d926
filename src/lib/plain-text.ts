/**
 * Text that people read, without what they cannot see: control characters, and the marks and overrides of direction with which
 * `gpj.exe` shows itself as `exe.jpg` (Unicode technical report 36, section 2.2).
 */
export const withoutControls = (text: string): string =>
  text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
