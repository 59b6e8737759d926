/** An empty database per suite, so that suites run side by side. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { type PostgresConnection, toConnectionString } from '../../src/embedded/postgres.ts'

export interface FreshDatabase {
  readonly config: PostgresConnection
  /** The same as a `DATABASE_URL`, for other processes. */
  readonly url: string
  /** Ends whatever is still connected. */
  drop(): Promise<void>
}

export const freshDatabase = async (): Promise<FreshDatabase> => {
  const server = inject('postgres')
  const database = `t_${randomUUID().replaceAll('-', '')}`
  await onServer(server, `create database ${database}`)
  const config = { ...server, database }
  return {
    config,
    url: toConnectionString(config),
    drop: () => onServer(server, `drop database if exists ${database} with (force)`),
  }
}

const onServer = async (server: PostgresConnection, statement: string): Promise<void> => {
  const client = new pg.Client(server)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
