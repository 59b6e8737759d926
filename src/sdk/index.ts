/** What products import: no configuration, and nothing beyond node's own modules. Only what is told whom to ask asks anybody. */
export { type SignOptions, signUrl } from '../policy/sign-url.ts'
export * from './browser.ts'
