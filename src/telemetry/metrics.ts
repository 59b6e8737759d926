/** Every metric of the system, each declared once. Labels are bounded: routes, states and codes, never ids. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { breakerMetrics } from './breaker-metrics.ts'
import { eventMetrics } from './event-metrics.ts'
import { integrationMetrics } from './integration-metrics.ts'
import { openRequestTimes } from './request-times.ts'
import { openSourceMetrics } from './source-metrics.ts'
import { tusMetrics } from './tus-metrics.ts'

export const openMetrics = () => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'matrix_' })
  const registers = [registry]
  /** Since the last scrape. Plain numbers: a counter with a label costs 0.3 us, twice what a decision does. */
  const matrixDecisions = { allow: 0, forbid: 0, hide: 0 }
  /** Reads since the last scrape, for the same reason; bytes as they are. */
  const hot = { hit: 0, miss: 0, joined: 0, streamed: 0, bytes: 0 }
  return {
    registry,
    matrixDecisions,
    hot,
    hotReads: new Counter({
      name: 'matrix_hot_bytes_reads_total',
      help: 'Small derivatives that were streamed: hit (from memory), joined (somebody was reading it), miss (read from S3), streamed (too much was being read at once to hold it).',
      labelNames: ['result'] as const,
      registers,
      collect() {
        for (const result of ['hit', 'miss', 'joined', 'streamed'] as const) {
          this.inc({ result }, hot[result])
          hot[result] = 0
        }
      },
    }),
    hotBytes: new Gauge({
      name: 'matrix_hot_bytes',
      help: 'Bytes of derivatives in the memory of this gateway, of at most HOT_BYTES.',
      registers,
      collect() {
        this.set(hot.bytes)
      },
    }),
    answersBroken: new Counter({
      name: 'matrix_answers_broken_off_total',
      help: 'Streamed answers that ended below their length because S3 broke off, was silent or gave other bytes.',
      registers,
    }),
    requestTimes: openRequestTimes(registry),
    resolutions: new Counter({
      name: 'matrix_resolutions_total',
      help: 'Resolved questions by what came of them.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    accel: new Counter({
      name: 'matrix_accel_answers_total',
      help: 'Answers under edges that deliver by accel: to the front that proved itself, or streamed to whoever did not.',
      labelNames: ['by'] as const,
      registers,
    }),
    originLookups: new Counter({
      name: 'matrix_origin_lookups_total',
      help: 'Bytes that a cache in front asked for by their digest: found or missing. Each is a miss of that cache.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    asOfAnswers: new Counter({
      name: 'matrix_stale_answers_total',
      help: 'Answers about versions that were given while Postgres was away, on its last word.',
      registers,
    }),
    databaseAway: new Gauge({
      name: 'matrix_database_away',
      help: '1 while this process finds that Postgres does not answer.',
      registers,
    }),
    fallbacks: new Counter({
      name: 'matrix_fallbacks_total',
      help: 'What was shown in place of what was not ready: nearest, previous or placeholder.',
      labelNames: ['kind'] as const,
      registers,
    }),
    signatures: new Counter({
      name: 'matrix_url_signatures_total',
      help: 'Signed URLs that were asked for: accepted, or why not. unknown-key counts revoked and expired ones, too.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    rateLimited: new Counter({
      name: 'matrix_rate_limited_total',
      help: 'Requests beyond a limit, by its class, tenant and product (empty: nobody proven): refused, or only observed.',
      labelNames: ['class', 'tenant', 'product', 'effect'] as const,
      registers,
    }),
    rateSettlementsLost: new Counter({
      name: 'matrix_rate_settlements_lost_total',
      help: 'Times that the shared numbers of rate limits could not be reached; each gateway counts for itself until they can.',
      registers,
    }),
    productCpuToday: new Gauge({
      name: 'matrix_product_cpu_seconds_today',
      help: 'CPU of derivatives made in the name of a product since midnight UTC, as of the scrape.',
      labelNames: ['tenant', 'product'] as const,
      registers,
    }),
    productStoredBytes: new Gauge({
      name: 'matrix_product_stored_bytes',
      help: 'Bytes of originals that a product brought, as of the scrape.',
      labelNames: ['tenant', 'product'] as const,
      registers,
    }),
    ingestedBytes: new Counter({
      name: 'matrix_ingested_bytes_total',
      help: 'Bytes received by accepted uploads.',
      registers,
    }),
    uploads: new Counter({
      name: 'matrix_uploads_total',
      help: 'Uploads by result: created, deduplicated or the code of the refusal.',
      labelNames: ['result'] as const,
      registers,
    }),
    ...breakerMetrics(registers),
    ...openSourceMetrics(registers),
    openUploads: new Gauge({
      name: 'matrix_staged_uploads_open',
      help: 'Uploads by presigned URLs that are not completed, as of the scrape.',
      registers,
    }),
    openUploadBytes: new Gauge({
      name: 'matrix_staged_upload_bytes_open',
      help: 'Bytes that they have announced.',
      registers,
    }),
    stagingSwept: new Counter({
      name: 'matrix_staging_swept_total',
      help: 'What the sweep ended in the staging bucket: uploads that expired, objects and sessions of parts that belong to no open upload.',
      labelNames: ['what'] as const,
      registers,
    }),
    hints: new Counter({
      name: 'matrix_hints_total',
      help: 'Hints offered to the queue; a lost one costs a poll of the workers, no work.',
      labelNames: ['result'] as const,
      registers,
    }),
    nodes: new Counter({
      name: 'matrix_node_outcomes_total',
      help: 'Executions of nodes by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    transformCpu: new Counter({
      name: 'matrix_transform_cpu_seconds_total',
      help: 'CPU spent in decode processes.',
      registers,
    }),
    nodeSeconds: new Histogram({
      name: 'matrix_node_wait_seconds',
      help: 'From the claim of a node to its settled derivative.',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    tokens: new Counter({
      name: 'matrix_tokens_total',
      help: 'Tokens presented, by what came of them: verified, remembered, unavailable, or why they were refused.',
      labelNames: ['result'] as const,
      registers,
    }),
    keySets: new Counter({
      name: 'matrix_issuer_key_sets_total',
      help: 'Reads of the key sets of issuers: read or failed.',
      labelNames: ['result'] as const,
      registers,
    }),
    policyDecisions: new Counter({
      name: 'matrix_policy_decisions_total',
      help: 'Decisions by who made them (matrix, cedar, opa) and effect; none: the engine gave no decision, and nothing was allowed.',
      labelNames: ['engine', 'effect'] as const,
      registers,
      collect() {
        for (const effect of ['allow', 'forbid', 'hide'] as const) {
          this.inc({ engine: 'matrix', effect }, matrixDecisions[effect])
          matrixDecisions[effect] = 0
        }
      },
    }),
    policySeconds: new Histogram({
      name: 'matrix_policy_engine_seconds',
      help: 'Time that a policy engine took for a decision.',
      labelNames: ['engine'] as const,
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
      registers,
    }),
    openNodes: new Gauge({
      name: 'matrix_nodes',
      help: 'Nodes that are not done, by state, as of the scrape: waiting, running, or quarantined.',
      labelNames: ['state'] as const,
      registers,
    }),
    operations: new Gauge({
      name: 'matrix_operations',
      help: 'Long work by kind (backfill, import) and state, as of the scrape; erasures are matrix_erasures_open.',
      labelNames: ['kind', 'state'] as const,
      registers,
    }),
    sagaSteps: new Counter({
      name: 'matrix_saga_steps_total',
      help: 'Steps of sagas (lines of imports) that this process has worked on: done, failed, retried, undone, or stuck where they could not be undone.',
      labelNames: ['kind', 'result'] as const,
      registers,
    }),
    denials: new Counter({
      name: 'matrix_audit_denials_total',
      help: 'Denials: noted for the audit, anonymous (not kept), or dropped because there were too many (their number is kept).',
      labelNames: ['result'] as const,
      registers,
    }),
    auditRows: new Gauge({
      name: 'matrix_audit_rows',
      help: 'Rows of the audit that are chained, as of the scrape.',
      registers,
    }),
    auditUnchained: new Gauge({
      name: 'matrix_audit_unchained_rows',
      help: 'Rows of the audit that wait for their place in the chain, as of the scrape; counted to 10000.',
      registers,
    }),
    auditUnchainedSeconds: new Gauge({
      name: 'matrix_audit_unchained_age_seconds',
      help: 'How long the first of them waits; above ten, no sweep runs or a chain cannot go on.',
      registers,
    }),
    openErasures: new Gauge({
      name: 'matrix_erasures_open',
      help: 'Erasures that are not complete, as of the scrape; one takes seconds.',
      registers,
    }),
    heldAssets: new Gauge({
      name: 'matrix_assets_held',
      help: 'Assets of which nothing is deleted because somebody holds them, as of the scrape.',
      registers,
    }),
    schedules: new Gauge({
      name: 'matrix_scheduled_publishes',
      help: 'Publishes that are set for a time, as of the scrape: ahead, or waiting past their time for a version that is not complete.',
      labelNames: ['state'] as const,
      registers,
    }),
    scheduleLag: new Histogram({
      name: 'matrix_schedule_lag_seconds',
      help: 'From the time for which a publish was set to the publish; a second, unless its version was not complete.',
      buckets: [0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600],
      registers,
    }),
    cdnUrls: new Counter({
      name: 'matrix_cdn_urls_total',
      help: 'URLs of the CDN that were given out: public or signed, and unsigned where there was no key to sign with and the store was named instead.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    ...integrationMetrics(registers),
    ...tusMetrics(registers),
    ...eventMetrics(registers),
    purges: new Gauge({
      name: 'matrix_purges',
      help: 'Purges of caches in front that wait, and those that were given up, as of the scrape.',
      labelNames: ['state'] as const,
      registers,
    }),
    scans: new Counter({
      name: 'matrix_scans_total',
      help: 'Originals given to scanners, by result: clean, infected, or failed, which is tried again.',
      labelNames: ['result'] as const,
      registers,
    }),
    purgeTries: new Counter({
      name: 'matrix_purge_tries_total',
      help: 'Purges told, by target and result: done, refused, limited or dead; what `verify` saw afterwards: fresh, stale, no sample, cannot tell or no answer.',
      labelNames: ['target', 'result'] as const,
      registers,
    }),
    deadNodes: new Gauge({
      name: 'matrix_dead_nodes',
      help: 'Nodes in quarantine by the class of their failure, as of the scrape.',
      labelNames: ['class'] as const,
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof openMetrics>
