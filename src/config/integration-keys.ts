/**
 * Keys by which products describe an integration, whatever is behind it: each is a variable of ours, or is what we do anyhow, or is
 * refused with what there is instead.
 */

/** Variables, as text; or why not. */
export type Meaning = { readonly sets: Readonly<Record<string, string>> } | { readonly refused: string }

export interface IntegrationKey {
  readonly key: string
  readonly values: string
  readonly about: string
  readonly read: (value: unknown, all: (key: string) => unknown) => Meaning
}

const NOTHING: Meaning = { sets: {} }
const refused = (why: string): Meaning => ({ refused: why })
const sets = (variable: string, value: unknown): Meaning => ({ sets: { [variable]: String(value) } })

/** What we do anyhow, under these names; anything else is refused. */
const always =
  (values: readonly unknown[], instead: string): IntegrationKey['read'] =>
  value =>
    values.includes(value) ? NOTHING : refused(instead)

const BROKERS =
  "no broker is spoken to: events are in Redis Streams ('redis-streams', router.url), at webhooks and in GET /v1/events"

/** Of what has no row of its own; a product that names numbers means these. Either key says what both come to. */
const breakerRows: IntegrationKey['read'] = (_, all) => {
  const threshold = all('resilience.circuitBreaker.threshold') ?? 5
  const resetMs = all('resilience.circuitBreaker.resetTimeout') ?? 30_000
  const row = `${threshold}/10s/${resetMs}ms/3`
  return { sets: Object.fromEntries(['BREAKER_JWKS', 'BREAKER_OPA', 'BREAKER_SCAN'].map(name => [name, row])) }
}

const isLocation = (value: unknown): value is string => typeof value === 'string' && value !== ''

export const INTEGRATION_KEYS: readonly IntegrationKey[] = [
  {
    key: 'router.transport',
    values: "'redis-streams'",
    about: 'How events leave: with it `router.url` or REDIS_URL has to be there.',
    read: always(['redis-streams'], BROKERS),
  },
  { key: 'router.url', values: 'redis://…', about: 'REDIS_URL', read: value => sets('REDIS_URL', value) },
  { key: 'router.brokers', values: 'none', about: BROKERS, read: () => refused(BROKERS) },
  {
    key: 'router.topicPrefix',
    values: "'matrix'",
    about: 'Streams are `{matrix}:events:…`; deployments are kept apart by databases of Redis.',
    read: always(
      ['matrix', '{matrix}'],
      'streams are named {matrix}:events:…; give each deployment a Redis database of its own (redis://…/1)',
    ),
  },
  {
    key: 'router.consumerGroup',
    values: 'none',
    about: 'A group belongs to who reads: `createConsumer({ group })` of the SDK.',
    read: () => refused('a group belongs to who reads: createConsumer({ group }) of asset-matrix/sdk'),
  },
  {
    key: 'contracts.version',
    values: "'v1'",
    about: 'Of the API and of the envelope.',
    read: always(['v1', '1', 1, '1.0', '1.0.0'], 'there is v1 of the API and of the envelope'),
  },
  {
    key: 'contracts.validation',
    values: "'strict', true",
    about: 'Every event is checked before it is committed, every request before it is done.',
    read: always(
      ['strict', 'runtime', true],
      'what is sent is always checked: an event that is not what its contract says fails the change that tells it',
    ),
  },
  {
    key: 'contracts.registry',
    values: "'builtin'",
    about: 'Contracts are printed from the code: GET /openapi.json and /v1/contracts.',
    read: always(
      ['builtin', true],
      'contracts are printed from the code and are at GET /v1/contracts; there is no other registry',
    ),
  },
  {
    key: 'authz.policyEngine',
    values: "'builtin', 'cedar', 'opa-http'",
    about: 'The matrix decides; Cedar or an Open Policy Agent behind it may refuse what it allows.',
    read: (value, all) => {
      if (value === 'builtin')
        return all('authz.policyPath') === undefined
          ? NOTHING
          : refused("'builtin' has no policyPath: 'cedar' or 'opa-http' has")
      const variable = { cedar: 'POLICY_CEDAR', opa: 'POLICY_OPA_URL', 'opa-http': 'POLICY_OPA_URL' }[String(value)]
      if (variable === undefined) return refused("expected 'builtin', 'cedar' or 'opa-http'")
      const path = all('authz.policyPath')
      return isLocation(path) ? sets(variable, path) : refused(`'${value}' needs authz.policyPath`)
    },
  },
  {
    key: 'authz.policyPath',
    values: 'file, folder or URL',
    about: 'POLICY_CEDAR or POLICY_OPA_URL, by `authz.policyEngine`',
    read: (_, all) =>
      all('authz.policyEngine') === undefined ? refused("needs authz.policyEngine: 'cedar' or 'opa-http'") : NOTHING,
  },
  {
    key: 'authz.cacheTTL',
    values: '0',
    about: 'Decisions are not cached, so that what is revoked ends at once; the life of a URL is PRESIGN_SECONDS.',
    read: always(
      [0],
      'decisions are not cached, so that what is revoked ends at once: 0; the life of a URL is presign.seconds',
    ),
  },
  {
    key: 'observability.tracing',
    values: "'otel', 'off', false",
    about: 'TRACING',
    read: value => {
      if (value === false || value === 'off') return sets('TRACING', 'off')
      return value === 'otel'
        ? sets('TRACING', 'otel')
        : refused("expected 'otel' or 'off': other collectors speak OTLP, too")
    },
  },
  {
    key: 'observability.metrics',
    values: "'prometheus'",
    about: 'At /metrics.',
    read: always(['prometheus', true], "there is 'prometheus', at /metrics"),
  },
  { key: 'observability.logLevel', values: 'a level', about: 'LOG_LEVEL', read: value => sets('LOG_LEVEL', value) },
  {
    key: 'resilience.circuitBreaker.enabled',
    values: 'true',
    about: 'Breakers are always there; one that should not open has a high threshold.',
    read: always([true], 'breakers are always there: give one a high threshold, like breaker.scan: "9999/10s/1s/1"'),
  },
  {
    key: 'resilience.circuitBreaker.threshold',
    values: 'failures',
    about: 'Of BREAKER_JWKS, BREAKER_OPA and BREAKER_SCAN; the store and the queue have rows of their own.',
    read: breakerRows,
  },
  {
    key: 'resilience.circuitBreaker.resetTimeout',
    values: 'ms',
    about: 'How long those are left alone.',
    read: breakerRows,
  },
  {
    key: 'resilience.retry.maxAttempts',
    values: '3',
    about: 'Of calls of the store; everything else is tried as often as the class of its failure says.',
    read: always(
      [3],
      'how often is tried again is said by the class of the failure, and is 3 for calls of the store: 3, or leave it out',
    ),
  },
  {
    key: 'resilience.retry.backoff',
    values: "'exponential'",
    about: 'Always with full jitter.',
    read: always(['exponential'], "there is 'exponential', with full jitter: anything else comes in waves"),
  },
]
