import { Counter, Gauge, type Registry } from 'prom-client'

/** Of uploads that can be resumed; what becomes of them is counted with all uploads. */
export const tusMetrics = (registers: Registry[]) => ({
  tusUploads: new Counter({
    name: 'matrix_tus_uploads_total',
    help: 'Uploads by tus: created, finished, refused (their content), terminated (by their sender), expired; superseded: a request lost its upload to another one.',
    labelNames: ['event'] as const,
    registers,
  }),
  progressStreams: new Gauge({
    name: 'matrix_progress_streams',
    help: 'Event streams about versions and operations that are open at this gateway.',
    registers,
  }),
  tusBytes: new Counter({
    name: 'matrix_tus_bytes_total',
    help: 'Bytes received by tus and kept; what of them became versions is in matrix_ingested_bytes_total.',
    registers,
  }),
})
