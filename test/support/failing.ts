/**
 * I/O that breaks at a chosen place. Every statement (`begin` and `commit` among them), object store call and hint of a core is
 * counted; the n-th breaks before it was executed, or after it, with its reply lost. Then the process goes on, or it is dead and
 * nothing that it asks for is executed any more.
 *
 * A broken statement cuts its connection for good, so that Postgres and its driver do what they do when a network fails.
 */
import { Socket } from 'node:net'
import pg from 'pg'
import { type Core, type CoreOptions, openCore } from '../../src/gateway.ts'
import { MatrixError } from '../../src/model/errors.ts'
import type { S3Store } from '../../src/objects/s3.ts'
import type { StagingStore } from '../../src/objects/s3-staging.ts'

export interface FaultAt {
  /** From 1. */
  readonly n: number
  readonly when: 'before' | 'after'
  readonly process: 'dies' | 'goes on'
}

export const FAULT_KINDS = [
  { when: 'before', process: 'dies' },
  { when: 'after', process: 'dies' },
  { when: 'before', process: 'goes on' },
  { when: 'after', process: 'goes on' },
] as const satisfies readonly Omit<FaultAt, 'n'>[]

export interface Faults {
  arm(fault: FaultAt): void
  /** Back to normal. What was asked for since `arm`, in order, and which of it broke, if there was that much. */
  disarm(): { readonly seen: readonly string[]; readonly broke: string | undefined }
  readonly isDead: () => boolean
  /** Rejects with what `broken` makes where it is to break. */
  through<T>(what: string, io: () => Promise<T>, broken: () => Error): Promise<T>
}

export const openFaults = (): Faults => {
  let fault: FaultAt | undefined
  let isDead = false
  let seen: string[] = []
  return {
    arm(next) {
      fault = next
      isDead = false
      seen = []
    },
    disarm() {
      const broke = fault && seen[fault.n - 1]
      fault = undefined
      isDead = false
      return { seen, broke }
    },
    isDead: () => isDead,
    async through(what, io, broken) {
      if (fault === undefined) return io()
      const isHere = seen.push(what) === fault.n
      const { when, process } = fault
      if (isDead || (isHere && when === 'before')) {
        isDead ||= process === 'dies'
        throw broken()
      }
      const result = await io()
      if (!isHere) return result
      isDead = process === 'dies'
      throw broken()
    },
  }
}

/** A core whose I/O goes through `faults`. */
export const openFailingCore = async (options: CoreOptions, faults: Faults): Promise<Core> => {
  const { engines } = options
  const database = { ...engines.database, Client: failingClient(faults) }
  const core = await openCore({ ...options, engines: { ...engines, database } })
  return {
    ...core,
    originals: failingStore(core.originals, 'original', faults),
    derivatives: failingStore(core.derivatives, 'derivative', faults),
    staging: failingStaging(core.staging, faults),
    // A hint is lost without a word while the process lives.
    hint: async (...hint) => {
      const lost = () => new Error('the queue is gone')
      await faults
        .through('offer hint', () => core.hint(...hint), lost)
        .catch(error => {
          if (faults.isDead()) throw error
        })
    },
  }
}

/** What a `pg.Pool` constructs; called with the pool's options although its type does not say so. */
const failingClient = (faults: Faults): (new () => pg.ClientBase) => {
  function FailingClient(config: pg.ClientConfig): pg.Client {
    const socket = new Socket()
    const client = new pg.Client({ ...config, stream: () => socket })
    const ask = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>
    const broken = (): Error => {
      socket.destroy()
      return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    }
    const query = (...given: unknown[]): unknown => {
      const last = given.at(-1)
      const answer = faults.through(
        statementName(given[0]),
        () => ask(...given.filter(value => typeof value !== 'function')),
        broken,
      )
      if (typeof last !== 'function') return answer
      answer.then(
        result => last(null, result),
        error => last(error),
      )
      return undefined
    }
    return Object.assign(client, { query })
  }
  return FailingClient as unknown as new () => pg.ClientBase
}

const statementName = (query: unknown): string => {
  if (typeof query === 'string') return query.slice(0, 30)
  const { name, text = '' } = query as { name?: string; text?: string }
  return name ?? text.slice(0, 30)
}

const failingStore = (store: S3Store, name: string, faults: Faults): S3Store => {
  const broken = () => new MatrixError('storage-unavailable', 'the store is gone')
  return {
    ...store,
    put: request => faults.through(`put ${name}`, () => store.put(request), broken),
    get: request => faults.through(`get ${name}`, () => store.get(request), broken),
    stat: (key, signal) => faults.through(`stat ${name}`, () => store.stat(key, signal), broken),
    delete: key => faults.through(`delete ${name}`, () => store.delete(key), broken),
  }
}

const failingStaging = (store: StagingStore, faults: Faults): StagingStore => {
  const broken = () => new MatrixError('storage-unavailable', 'the store is gone')
  return {
    ...store,
    ...failingStore(store, 'staged', faults),
    beginParts: request => faults.through('begin parts', () => store.beginParts(request), broken),
    listParts: of => faults.through('list parts', () => store.listParts(of), broken),
    joinParts: (...given) => faults.through('join parts', () => store.joinParts(...given), broken),
    dropParts: of => faults.through('drop parts', () => store.dropParts(of), broken),
  }
}
