/**
 * The lines of an import, each an upload without a request: in the name of who asked for it, whose rights are asked anew for each
 * line. The version, the word that its line is done and what would undo it are one transaction (`Ingest.store`), so a line that
 * is run twice makes one asset. What was put into the store before a crash is found there by its digest.
 */
import type { Clock } from '../lib/clock.ts'
import { recordAudit } from '../manifest/audit.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { insertProvenance } from '../manifest/provenance.ts'
import { actorOf } from '../model/audit.ts'
import { type ErrorCode, isMatrixError } from '../model/errors.ts'
import type { ImportedLine, ImportInput, ImportLine, ImportUndo } from '../model/import.ts'
import type { Principal } from '../model/principal.ts'
import { causeOfSaga, type Saga, type SagaStep, SagaStopped } from '../model/saga.ts'
import { type Trust, trustOf } from '../model/source.ts'
import type { StagedAnswer } from '../model/staged.ts'
import type { Policy } from '../policy/policy.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { StagedDependencies } from './complete-staged.ts'
import { identify } from './identify.ts'
import { type LineContent, openLine, type SourceDependencies } from './import-source.ts'
import { openImportedUpload } from './import-staged.ts'
import { undoLine } from './import-undo.ts'
import type { Destination, Ingest, IngestedVersion, Permission, Upload } from './ingest.ts'
import { answerOf } from './stored-answer.ts'

export interface ImportDependencies extends SourceDependencies, StagedDependencies {
  readonly database: Database
  readonly clock: Clock
  readonly policy: Policy
  readonly ingest: Ingest
  readonly metrics: Pick<Metrics, 'uploads' | 'ingestedBytes' | 'fetches'>
  /** Whether the credential still is one. */
  readonly stands: (principal: Principal) => Promise<boolean>
  readonly deleteGraceHours: number
}

type Settle = (tx: Sql, made: { output: ImportedLine; undo: ImportUndo }) => Promise<void>

interface Made {
  readonly upload: Upload
  readonly permission: Permission
  readonly content: LineContent
  /** Of what is staged, in the same transaction. */
  readonly finish?: (tx: Sql, answer: StagedAnswer) => Promise<void>
}

const lineOf = ({ input }: SagaStep): ImportLine => input as ImportLine

/** Whose rights end an import when they are taken away, and what a line alone may be refused for. */
const isDenied = (error: unknown): boolean => isMatrixError(error, 'forbidden') || isMatrixError(error, 'not-found')

const destinationOf = ({ asset, collection = '', alias, labels = [], attributes }: ImportLine): Destination =>
  asset === undefined ? { kind: 'asset', collection, alias, labels, attributes } : { kind: 'version', asset }

export const openImport = (dependencies: ImportDependencies) => {
  const { ingest, metrics, stands } = dependencies
  const completeUpload = openImportedUpload(dependencies)
  const addressOf = (saga: Saga) => () => saga.client ?? undefined

  /** What was allowed when the import was taken is allowed to nobody of its lines any more. */
  const isRevoked = async (saga: Saga, collection: string): Promise<boolean> => {
    const labels = (saga.input as ImportInput).collections[collection] ?? []
    const destination = { kind: 'asset' as const, collection, alias: undefined, labels }
    try {
      await ingest.authorise({
        principal: saga.principal,
        destination,
        trust: trustOf('import'),
        address: addressOf(saga),
      })
      return false
    } catch (error) {
      return isDenied(error)
    }
  }

  const authorise = async (saga: Saga, { destination, aliases }: Upload, trust: Trust): Promise<Permission> => {
    const { principal } = saga
    try {
      return await ingest.authorise({ principal, destination, aliases, trust, address: addressOf(saga) })
    } catch (error) {
      if (destination.kind === 'asset' && isDenied(error) && (await isRevoked(saga, destination.collection)))
        throw new SagaStopped('forbidden')
      throw error
    }
  }

  const record = async (
    tx: Sql,
    saga: Saga,
    { upload, provenance, stored }: Pick<LineContent, 'provenance'> & { upload: Upload; stored: IngestedVersion },
  ): Promise<void> => {
    const { asset, collection, version, digest, bytes, media_type } = stored
    if (provenance) await insertProvenance(tx, { tenant: saga.tenant, asset, version }, provenance)
    await recordAudit(tx, {
      ...actorOf(saga.principal),
      requestId: `operation:${saga.id}`,
      correlationId: saga.correlationId,
      client: saga.client ?? undefined,
      action: upload.destination.kind === 'asset' ? 'asset.create' : 'version.create',
      resource: `assets/${asset}`,
      reasons: [],
      before: undefined,
      after: { collection, version, digest, bytes, media_type, publish: upload.publish, entrance: 'import' },
    })
  }

  const store = async (saga: Saga, step: SagaStep, settle: Settle, made: Made): Promise<IngestedVersion> => {
    const { upload, permission, content, finish = async () => undefined } = made
    const { ref } = lineOf(step)
    const version = await ingest.store(upload, permission, content, async (tx, stored) => {
      await record(tx, saga, { upload, provenance: content.provenance, stored })
      await finish(tx, answerOf(stored))
      const { asset, version, digest, deduplicated } = stored
      const undo: ImportUndo =
        upload.destination.kind === 'asset' ? { do: 'delete-asset', asset } : { do: 'withdraw-version', asset, version }
      await settle(tx, { output: { ref, asset, version, digest, deduplicated }, undo })
    })
    metrics.uploads.inc({ result: version.deduplicated ? 'deduplicated' : 'created' })
    metrics.ingestedBytes.inc(content.received.bytes)
    return version
  }

  const runLine = async (saga: Saga, step: SagaStep, settle: Settle): Promise<void> => {
    const line = lineOf(step)
    const upload = uploadOf(saga, step)
    // A URL is asked as a URL is, also where its bytes turn out to be here.
    const permission = await authorise(saga, upload, trustOf(line.source_url === undefined ? 'import' : 'url'))
    const mostBytes = permission.collection.rules?.max_bytes
    const content = await openLine(
      dependencies,
      { principal: saga.principal, address: addressOf(saga), mostBytes },
      line,
    )
    try {
      await store(saga, step, settle, { upload, permission, content })
    } finally {
      await content.received.close()
    }
  }

  const runStaged = async (saga: Saga, step: SagaStep, settle: Settle): Promise<void> => {
    const { upload_id: id = '' } = lineOf(step)
    const { source, cause } = uploadOf(saga, step)
    await completeUpload(saga, id, {
      source,
      cause,
      permit: upload => authorise(saga, upload, trustOf('import')),
      store: async ({ received, mediaType, ...made }) => {
        const identity = await identify(received, mediaType, dependencies.inputLimits)
        return store(saga, step, settle, { ...made, content: { received, identity, provenance: undefined } })
      },
    })
  }

  return {
    async stand({ principal }: Saga): Promise<void> {
      if (!(await stands(principal))) throw new SagaStopped('unauthenticated' satisfies ErrorCode)
    },

    run: (saga: Saga, step: SagaStep, settle: Settle): Promise<void> =>
      lineOf(step).upload_id === undefined ? runLine(saga, step, settle) : runStaged(saga, step, settle),

    undo: (saga: Saga, step: SagaStep, settle: (tx: Sql) => Promise<void>): Promise<void> =>
      undoLine(dependencies, saga, { undo: step.undo as ImportUndo, settle }),
  }
}

const uploadOf = (saga: Saga, step: SagaStep): Upload => {
  const { id, principal } = saga
  const line = lineOf(step)
  return {
    principal,
    destination: destinationOf(line),
    aliases: line.aliases,
    identityHints: line.identity_hints,
    publish: line.publish,
    filename: line.filename,
    announcedSha256: line.sha256,
    source: { entrance: 'import', ref: `${id}/${step.no}` },
    cause: causeOfSaga(saga),
  }
}
