/** Between a gateway and Postgres: which prepared statements it runs, and how often it waits for an answer. */

import { connect } from 'node:net'
import type { PostgresConnection } from '../../src/embedded/postgres.ts'
import { type Relay, startRelay } from './relay.ts'

export interface PgWire extends Relay {
  readonly host: string
  /** Since the last call: names (of a simple query its text) in their order, and messages after which the client waits (Sync, simple Query). */
  taken(): { readonly statements: readonly string[]; readonly roundTrips: number }
}

const TYPE = { bind: 0x42, query: 0x51, sync: 0x53 } as const

/** The frontend's messages (protocol 3.0, section 55.7): a type, a length that counts itself, and what it is about. */
const openReader = (hear: (type: number, body: Buffer) => void) => {
  let rest = Buffer.alloc(0)
  let hasStarted = false // the first message has no type
  return (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const head = hasStarted ? 1 : 0
      if (rest.length < head + 4) return
      const end = head + rest.readInt32BE(head)
      if (rest.length < end) return
      if (hasStarted) hear(rest[0] ?? 0, rest.subarray(5, end))
      hasStarted = true
      rest = rest.subarray(end)
    }
  }
}

/** Bind names a portal and then a statement, each up to a zero. */
const statementOf = (bind: Buffer): string => bind.toString('latin1').split('\0', 2)[1] ?? ''

export const startPgWire = async ({ host, port }: Pick<PostgresConnection, 'host' | 'port'>): Promise<PgWire> => {
  let statements: string[] = []
  let roundTrips = 0
  const hear = (type: number, body: Buffer): void => {
    if (type === TYPE.bind) statements.push(statementOf(body))
    if (type === TYPE.query) statements.push(body.toString('latin1', 0, body.length - 1))
    if (type === TYPE.sync || type === TYPE.query) roundTrips++
  }
  const relay = await startRelay({
    connect: () => (host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)),
    listen: () => openReader(hear),
  })
  return {
    ...relay,
    host: '127.0.0.1',
    taken() {
      const taken = { statements, roundTrips }
      statements = []
      roundTrips = 0
      return taken
    },
  }
}
