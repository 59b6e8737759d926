/** What products import. Nothing here asks anybody: no connection, no configuration, nothing beyond node's own modules. */
export { type SignOptions, signUrl } from '../policy/sign-url.ts'
