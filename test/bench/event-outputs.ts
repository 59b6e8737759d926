/** Who hears of events, by each of the ways that there are: when each came, until it is told to end. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { streamKey } from '../../src/model/event-streams.ts'
import { call } from './client.ts'
import { markOf } from './event-load.ts'
import type { Gateway, Store } from './world.ts'

export interface Output {
  /** By the mark of the event, ms since the epoch; the first time of those that came twice. */
  readonly at: ReadonlyMap<string, number>
  stop(): Promise<void>
}

const openReceipts = () => {
  const at = new Map<string, number>()
  return {
    at,
    note: (text: string): void => {
      const mark = markOf(text)
      if (mark !== undefined && !at.has(mark)) at.set(mark, Date.now())
    },
  }
}

interface Page {
  readonly items: readonly object[]
  readonly next_after: number
  readonly head: number
}

export const headOf = async (gateway: Gateway): Promise<number> =>
  ((await (await call(gateway, 'GET', '/v1/events?limit=1')).json()) as Page).head

/** Asks again at once where there was something, else after 20 ms. */
export const pages = async (gateway: Gateway): Promise<Output> => {
  const { at, note } = openReceipts()
  let after = await headOf(gateway)
  let isOver = false
  const reading = (async () => {
    while (!isOver) {
      const page = (await (await call(gateway, 'GET', `/v1/events?after=${after}&limit=500`)).json()) as Page
      for (const item of page.items) note(JSON.stringify(item))
      if (page.items.length === 0) await delay(20)
      after = page.next_after
    }
  })()
  return {
    at,
    async stop() {
      isOver = true
      await reading
    },
  }
}

export const serverSent = async (gateway: Gateway, after?: number): Promise<Output> => {
  const { at, note } = openReceipts()
  const ends = new AbortController()
  const headers = { Authorization: `Bearer ${gateway.adminKey}` }
  const path = `/v1/events/stream?after=${after ?? (await headOf(gateway))}`
  const response = await fetch(`${gateway.address}${path}`, { headers, signal: ends.signal })
  const reading = (async () => {
    let rest = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('data:')) note(line)
    }
  })().catch(() => undefined) // called off
  return {
    at,
    async stop() {
      ends.abort()
      await reading
    },
  }
}

export const redisStream = async (url: string): Promise<Output> => {
  const { at, note } = openReceipts()
  const redis = new Redis(url)
  const key = streamKey('assets')
  let last = (await redis.xrevrange(key, '+', '-', 'COUNT', 1))[0]?.[0] ?? '0'
  let isOver = false
  const reading = (async () => {
    while (!isOver) {
      const answer = await redis.xread('COUNT', 500, 'BLOCK', 100, 'STREAMS', key, last)
      for (const [id, fields] of answer?.[0]?.[1] ?? []) {
        note(fields?.[1] ?? '')
        last = id
      }
    }
  })()
  return {
    at,
    async stop() {
      isOver = true
      await reading
      redis.disconnect()
    },
  }
}

/** What one would write first: rows with a number that the table gives, and `where id > $1`. It loses what commits late. */
export const openPlain = async ({ databaseUrl }: Store) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8 })
  await pool.query('create table if not exists plain (id bigserial primary key, body jsonb not null)')
  const insert = async (asset: string, marks: readonly string[]): Promise<void> => {
    const client = await pool.connect()
    await client.query('begin')
    for (const mark of marks) {
      const values = [JSON.stringify({ asset, changed: [mark] })]
      await client.query({ name: 'insert', text: 'insert into plain (body) values ($1)', values })
    }
    await client.query('commit')
    client.release()
  }
  const after = async (id: string): Promise<{ id: string; body: object }[]> => {
    const text = 'select id, body from plain where id > $1 order by id limit 500'
    return (await pool.query({ name: 'after', text, values: [id] })).rows
  }
  const poll = async (): Promise<Output> => {
    const { at, note } = openReceipts()
    let last = (await pool.query('select coalesce(max(id), 0) as id from plain')).rows[0].id as string
    let isOver = false
    const reading = (async () => {
      while (!isOver) {
        const rows = await after(last)
        for (const { body } of rows) note(JSON.stringify(body))
        if (rows.length === 0) await delay(20)
        last = rows.at(-1)?.id ?? last
      }
    })()
    return {
      at,
      async stop() {
        isOver = true
        await reading
      },
    }
  }
  return { insert, after, poll, close: () => pool.end() }
}

export interface Listening extends Output {
  readonly url: string
}

/** A receiver of POSTs that takes all of them. */
export const receiver = async (): Promise<Listening> => {
  const { at, note } = openReceipts()
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', chunk => (body += chunk))
    request.on('end', () => {
      note(body)
      response.writeHead(204).end()
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    at,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    stop: () =>
      new Promise(done => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

export const webhook = async (gateway: Gateway): Promise<Output> => {
  const { at, url, stop } = await receiver()
  const made = await call(gateway, 'POST', '/v1/subscriptions', { body: { url } })
  const { id } = (await made.json()) as { id: string }
  return {
    at,
    async stop() {
      await call(gateway, 'DELETE', `/v1/subscriptions/${id}`, { headers: { 'If-Match': '*' } })
      await stop()
    },
  }
}
