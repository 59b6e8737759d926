/** The inbox in the database of a product, beside what its handlers write: with `pg`, or whatever has a pool like its own. */
import type { Inbox, Letter } from './inbox.ts'

interface Rows {
  readonly rows: readonly unknown[]
}
export interface InboxClient {
  query(text: string, values?: unknown[]): Promise<Rows>
  release(error?: Error | boolean): void
  on?(event: 'error', listener: () => void): unknown
  off?(event: 'error', listener: () => void): unknown
}
export interface InboxPool<Client extends InboxClient = InboxClient> {
  connect(): Promise<Client>
  query(text: string, values?: unknown[]): Promise<Rows>
}

/** For a migration of the product's own; may be run again. */
export const POSTGRES_INBOX = `
create table if not exists matrix_inbox (
  consumer text not null,
  event_id text not null,
  taken_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index if not exists matrix_inbox_taken_at on matrix_inbox (taken_at);
create table if not exists matrix_inbox_place (
  consumer text not null,
  partition text not null,
  last_no bigint not null,
  primary key (consumer, partition)
);
create table if not exists matrix_inbox_failure (
  consumer text not null,
  event_id text not null,
  tries integer not null,
  primary key (consumer, event_id)
);
create table if not exists matrix_inbox_letter (
  consumer text not null,
  event_id text not null,
  letter jsonb not null,
  buried_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create table if not exists matrix_inbox_cursor (
  consumer text primary key,
  seq bigint not null
);`

/** The row of the partition is locked first, and by all in this order: two processes wait for each other and never in a circle. */
const LOCK = `insert into matrix_inbox_place (consumer, partition, last_no) values ($1, $2, 0)
  on conflict (consumer, partition) do update set last_no = matrix_inbox_place.last_no returning last_no`
const MARK = `insert into matrix_inbox (consumer, event_id) values ($1, $2) on conflict do nothing returning event_id`
const MOVE = `update matrix_inbox_place set last_no = greatest(last_no, $3) where consumer = $1 and partition = $2`
const FAIL = `insert into matrix_inbox_failure (consumer, event_id, tries) values ($1, $2, 1)
  on conflict (consumer, event_id) do update set tries = matrix_inbox_failure.tries + 1 returning tries`
const BURY = `insert into matrix_inbox_letter (consumer, event_id, letter) values ($1, $2, $3)
  on conflict (consumer, event_id) do update set letter = excluded.letter`
const LETTERS = `select letter from matrix_inbox_letter where consumer = $1 order by buried_at, event_id`
const UNBURY = `delete from matrix_inbox_letter where consumer = $1 and event_id = $2 returning event_id`
const CURSOR = `select seq from matrix_inbox_cursor where consumer = $1`
const KEEP = `insert into matrix_inbox_cursor (consumer, seq) values ($1, $2)
  on conflict (consumer) do update set seq = greatest(matrix_inbox_cursor.seq, excluded.seq)`
const PRUNE = `delete from matrix_inbox where taken_at < now() - make_interval(secs => $1)`
const PRUNE_FAILURES = `delete from matrix_inbox_failure f where exists
  (select 1 from matrix_inbox i where i.consumer = f.consumer and i.event_id = f.event_id)`

export interface PostgresInbox<Client> extends Inbox<Client> {
  /** Makes its tables where they are not there. */
  prepare(): Promise<void>
  /** Forgets marks that are older: longer than anything may come again, which the retention of streams and a replay decide. */
  prune(options: { readonly olderThanSeconds: number }): Promise<void>
}

/** The statement under way, or the next one, rejects: that is enough. */
const heard = (): void => undefined

export const postgresInbox = <Client extends InboxClient>(pool: InboxPool<Client>): PostgresInbox<Client> => {
  const first = async (asked: Promise<Rows>): Promise<Record<string, unknown> | undefined> =>
    (await asked).rows[0] as Record<string, unknown> | undefined

  return {
    async transaction(work) {
      const client = await pool.connect()
      let broken: Error | undefined
      // A connection that ends while it is lent says so by an event, too, which would end the process where nobody listens.
      client.on?.('error', heard)
      try {
        await client.query('begin')
        const result = await work(client)
        await client.query('commit')
        return result
      } catch (error) {
        // A connection that cannot even take this is no use to the pool.
        await client.query('rollback').catch(failure => {
          broken = failure as Error
        })
        throw error
      } finally {
        client.off?.('error', heard)
        client.release(broken)
      }
    },
    async mark(tx, { group, id, place }) {
      const locked = place && (await first(tx.query(LOCK, [group, place.partition])))
      const last = Number(locked?.last_no ?? 0)
      const isNew = (await first(tx.query(MARK, [group, id]))) !== undefined
      if (isNew && place && place.no > last) await tx.query(MOVE, [group, place.partition, place.no])
      return { isNew, last }
    },
    countFailure: async (group, id) => Number((await first(pool.query(FAIL, [group, id])))?.tries ?? 1),
    bury: async (tx, group, letter) => {
      await tx.query(BURY, [group, letter.event.id, JSON.stringify(letter)])
    },
    letters: async group =>
      (await pool.query(LETTERS, [group])).rows.map(row => (row as { readonly letter: Letter }).letter),
    unbury: async (tx, group, id) => (await first(tx.query(UNBURY, [group, id]))) !== undefined,
    cursor: async group => Number((await first(pool.query(CURSOR, [group])))?.seq ?? 0),
    keepCursor: async (group, seq) => {
      await pool.query(KEEP, [group, seq])
    },
    prepare: async () => {
      await pool.query(POSTGRES_INBOX)
    },
    prune: async ({ olderThanSeconds }) => {
      await pool.query(PRUNE_FAILURES)
      await pool.query(PRUNE, [olderThanSeconds])
    },
  }
}
