/** Statements written down as they are sent: text, values, and the settings of the session that they ran in. */
import pg from 'pg'

export interface Recorded {
  readonly text: string
  readonly values: readonly unknown[]
  /** Start-up options of the connection: the resolve path has its own. */
  readonly options: string | undefined
}

/** What a `pg.Pool` constructs; called with the pool's options although its type does not say so. Keeps the last of each text. */
export const recordingClient = (recorded: Pick<Map<string, Recorded>, 'set'>): (new () => pg.ClientBase) => {
  function RecordingClient(config: pg.ClientConfig): pg.Client {
    const client = new pg.Client(config)
    const ask = client.query.bind(client) as (...given: unknown[]) => unknown
    const query = (...given: unknown[]): unknown => {
      const [statement, second] = given
      const isText = typeof statement === 'string'
      const { text, values } = isText ? { text: statement, values: second } : (statement as pg.QueryConfig)
      recorded.set(text, {
        text,
        values: Array.isArray(values) ? values : ((second as unknown[]) ?? []),
        options: config.options,
      })
      return ask(...given)
    }
    return Object.assign(client, { query })
  }
  return RecordingClient as unknown as new () => pg.ClientBase
}

/** Every statement in the order in which it was sent, repeated ones repeated. */
export const countingClient = (sent: string[]): (new () => pg.ClientBase) =>
  recordingClient({
    set(text) {
      sent.push(text)
      return new Map()
    },
  })
