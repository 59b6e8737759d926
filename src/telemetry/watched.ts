/**
 * What an operator looks at, and what calls him: one table, from which the dashboard, the alert rules and docs/metrics.md are
 * printed. An alert is its panel with a threshold.
 */
export interface Watched {
  readonly section: string
  readonly title: string
  /** PromQL. */
  readonly expr: string
  readonly unit: 's' | 'short' | 'percentunit' | 'reqps' | 'bytes'
  /** How a line is called: `{{label}}`. */
  readonly legend: string
  readonly alert?: Alert
}

export interface Alert {
  readonly name: string
  /** What stands behind the expression. */
  readonly when: string
  /** For so long. */
  readonly lasts: string
  readonly severity: 'critical' | 'warning'
  readonly summary: string
  /** What to do. */
  readonly action: string
}

export const WATCHED: readonly Watched[] = [
  {
    section: 'Promises',
    title: 'p95 by class',
    expr: 'max by (class) (matrix_service_level_seconds{quantile="0.95"})',
    unit: 's',
    legend: '{{class}}',
    alert: {
      name: 'MatrixLevelMissed',
      when: '> on (class) max by (class) (matrix_service_level_goal_seconds)',
      lasts: '5m',
      severity: 'warning',
      summary: '{{ $labels.class }} takes longer than promised.',
      action: 'matrix sla says which class and by how much; traces of the class say where.',
    },
  },
  {
    section: 'Promises',
    title: 'Share of requests that failed',
    expr: 'sum(rate(integration_errors_total[5m])) / sum(rate(integration_request_total[5m]))',
    unit: 'percentunit',
    legend: 'errors',
    alert: {
      name: 'MatrixErrors',
      when: '> 0.01',
      lasts: '5m',
      severity: 'critical',
      summary: 'More than one request in a hundred fails for a fault of ours.',
      action: '/readyz says which engine is away; the log has each failed request with its trace.',
    },
  },
  {
    section: 'Promises',
    title: 'Requests by product',
    expr: 'sum by (product) (rate(integration_request_total[5m]))',
    unit: 'reqps',
    legend: '{{product}}',
  },
  {
    section: 'Promises',
    title: 'Time of requests, p95 by route',
    expr: 'topk(10, histogram_quantile(0.95, sum by (le, route) (rate(integration_request_duration_seconds_bucket[5m]))))',
    unit: 's',
    legend: '{{route}}',
  },
  {
    section: 'Events',
    title: 'Steps with events, p95',
    expr: 'histogram_quantile(0.95, sum by (le, stage) (rate(event_processing_duration_seconds_bucket{stage!="webhook"}[5m])))',
    unit: 's',
    legend: '{{stage}}',
    alert: {
      name: 'MatrixEventsSlow',
      when: '> 0.1',
      lasts: '5m',
      severity: 'warning',
      summary: 'The step {{ $labels.stage }} takes more than 100 ms.',
      action: 'Postgres is slow, or events come by the thousand: look at its load and at event_queue_depth.',
    },
  },
  {
    section: 'Events',
    title: 'What waits',
    expr: 'max by (queue) (event_queue_depth)',
    unit: 'short',
    legend: '{{queue}}',
    alert: {
      name: 'MatrixQueueDeep',
      when: '> 10000',
      lasts: '10m',
      severity: 'warning',
      summary: 'More than 10000 wait in the queue {{ $labels.queue }}.',
      action:
        'nodes: more workers. deliveries: a receiver that is away (matrix subscriptions list). events: a sweep that does not run.',
    },
  },
  {
    section: 'Events',
    title: 'Oldest fact without a number',
    expr: 'max(matrix_event_lag_seconds)',
    unit: 's',
    legend: 'lag',
    alert: {
      name: 'MatrixNumberingStopped',
      when: '> 10',
      lasts: '1m',
      severity: 'critical',
      summary: 'Facts are committed and nobody hears of them.',
      action: 'No sweep runs: each gateway and workers/sweep.js has one.',
    },
  },
  {
    section: 'Events',
    title: 'Webhooks by result',
    expr: 'sum by (result) (rate(matrix_webhook_tries_total[5m]))',
    unit: 'short',
    legend: '{{result}}',
  },
  {
    section: 'Events',
    title: 'Subscriptions that do not take what they are told',
    expr: 'max by (state) (matrix_subscriptions{state=~"FAILING|DISABLED"})',
    unit: 'short',
    legend: '{{state}}',
    alert: {
      name: 'MatrixSubscriptionFailing',
      when: '> 0',
      lasts: '15m',
      severity: 'warning',
      summary: 'A receiver of webhooks does not take events ({{ $labels.state }}).',
      action: 'matrix subscriptions list says which; nothing is lost until it has been given up.',
    },
  },
  {
    section: 'Given up',
    title: 'Nodes in quarantine',
    expr: 'max(matrix_nodes{state="DEAD"})',
    unit: 'short',
    legend: 'nodes',
    alert: {
      name: 'MatrixNodesDead',
      when: '> 0',
      lasts: '10m',
      severity: 'warning',
      summary: 'Derivatives cannot be made, and whoever waits for them waits in vain.',
      action: 'matrix dead-letters says why and who waits; redrive what was an outage.',
    },
  },
  {
    section: 'Given up',
    title: 'Events that a receiver never took',
    expr: 'max(matrix_deliveries{state="DEAD"})',
    unit: 'short',
    legend: 'deliveries',
    alert: {
      name: 'MatrixDeliveriesDead',
      when: '> 0',
      lasts: '10m',
      severity: 'warning',
      summary: 'Events were given up after ten tries.',
      action: 'matrix subscriptions deliveries <id> --state DEAD, then redrive.',
    },
  },
  {
    section: 'Given up',
    title: 'Purges that caches never took',
    expr: 'max(matrix_purges{state="DEAD"})',
    unit: 'short',
    legend: 'purges',
    alert: {
      name: 'MatrixPurgesDead',
      when: '> 0',
      lasts: '1m',
      severity: 'critical',
      summary: 'A cache in front may show what was taken back.',
      action: 'matrix purges list says which target refused and why.',
    },
  },
  {
    section: 'Engines',
    title: 'Processes that miss Postgres',
    expr: 'sum(matrix_database_away)',
    unit: 'short',
    legend: 'processes',
    alert: {
      name: 'MatrixPostgresAway',
      when: '> 0',
      lasts: '1m',
      severity: 'critical',
      summary: 'Postgres does not answer.',
      action: 'Versions are answered on its last word for STALE_IF_AWAY_SECONDS, and nothing else.',
    },
  },
  {
    section: 'Engines',
    // Open for seconds at a time and half-open until somebody asks again: what is seen of it are moments.
    title: 'Circuit breakers, the worst within two minutes: 0 closed, 1 half-open, 2 open',
    expr: 'max by (dependency) (max_over_time(circuit_breaker_state[2m]))',
    unit: 'short',
    legend: '{{dependency}}',
    alert: {
      name: 'MatrixBreakerOpen',
      when: '== 2',
      // Longer than one moment is seen for: it has opened again.
      lasts: '3m',
      severity: 'critical',
      summary: '{{ $labels.dependency }} is left alone, for it failed too often.',
      action: '/readyz says what works without it.',
    },
  },
  {
    section: 'Engines',
    title: 'Audit rows that wait for their place in the chain',
    expr: 'max(matrix_audit_unchained_age_seconds)',
    unit: 's',
    legend: 'oldest',
    alert: {
      name: 'MatrixAuditUnchained',
      when: '> 60',
      lasts: '5m',
      severity: 'warning',
      summary: 'The chain of the audit does not go on.',
      action: 'matrix audit verify; no sweep runs, or a chain was tampered with.',
    },
  },
  {
    section: 'Engines',
    title: 'Erasures that are not complete',
    expr: 'max(matrix_erasures_open)',
    unit: 'short',
    legend: 'erasures',
    alert: {
      name: 'MatrixErasureStuck',
      when: '> 0',
      lasts: '15m',
      severity: 'critical',
      summary: 'An erasure has not come to its end, which takes seconds.',
      action: 'matrix operations list says at which step.',
    },
  },
  {
    section: 'Sharing',
    title: 'Executions by how many products asked',
    expr: 'sum by (product_count) (rate(matrix_node_executions_total[5m]))',
    unit: 'short',
    legend: '{{product_count}}',
  },
  {
    section: 'Sharing',
    title: 'Storage efficiency and shared wishes',
    expr: 'max by (__name__, tenant) ({__name__=~"matrix_storage_efficiency|matrix_dedup_ratio"})',
    unit: 'percentunit',
    legend: '{{__name__}} {{tenant}}',
  },
  {
    section: 'Sharing',
    title: 'Originals with other bytes than their digest',
    expr: 'max by (tenant) (matrix_drift_ratio)',
    unit: 'percentunit',
    legend: '{{tenant}}',
    alert: {
      name: 'MatrixDrift',
      when: '> 0',
      lasts: '30m',
      severity: 'critical',
      summary: 'Originals of {{ $labels.tenant }} have changed in the store.',
      action: 'matrix doctor names them; bring them back from a backup.',
    },
  },
  {
    section: 'Sharing',
    title: 'Time to a complete version',
    expr: 'max by (quantile) (matrix_completeness_seconds)',
    unit: 's',
    legend: 'p{{quantile}}',
  },
]
