/** What the system stands on, and what goes on without it: shown where readiness is, in this order. */
export const DEPENDENCIES = {
  postgres: 'versions under signed and public paths are shown on its last word; everything else waits for it',
  storage: 'redirects and documents go on; uploads and streamed bytes are refused, work waits',
  queue: 'workers find work by looking for it themselves',
  jwks: 'tokens are verified with the keys that are known; keys of the API go on',
  opa: 'nothing that it has to decide is allowed',
  scan: 'versions of collections with the rule `scan` wait',
} as const

export type Dependency = keyof typeof DEPENDENCIES
