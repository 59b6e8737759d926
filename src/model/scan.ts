/** What scanners for malware say of an original. */
import { refuse } from './errors.ts'

export type Verdict = { readonly clean: true } | { readonly clean: false; readonly signature: string }

export const SCAN_STATES = ['WAITING', 'CLEAN', 'INFECTED'] as const
export type ScanState = (typeof SCAN_STATES)[number]

/** A name of a finding comes from outside: printable, and short. */
export const signatureName = (text: string): string =>
  text
    .replace(/[^\x21-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200) || 'unnamed'

export const infected = () => refuse('infected', 'A scanner found malware in the content.')
