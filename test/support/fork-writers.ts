/**
 * Writers of facts, each on a connection of its own, and what numbers them, in one process that tests may kill. A quarter of what
 * they begin is taken back. What is committed it says to its parent, as far as it lives to.
 */

import { openDatabase } from '../../src/manifest/database.ts'
import { appendFacts, openSequencer } from '../../src/manifest/events.ts'

const { DATABASE_URL = '', ASSETS = '', WRITERS = '1', RUN = '0' } = process.env
const assets = ASSETS.split(',')
const writers = Number(WRITERS)
const database = openDatabase({
  connection: { connectionString: DATABASE_URL },
  poolSize: writers + 2,
  statementTimeoutMs: 30_000,
  onPoolError: () => undefined,
})

class TakenBack extends Error {}

const write = async (writer: number): Promise<void> => {
  for (let n = 0; ; n++) {
    const asset = assets[Math.floor(Math.random() * assets.length)] as string
    const isTakenBack = Math.random() < 0.25
    const name = `${isTakenBack ? 'taken-back' : 'kept'}-${RUN}-${writer}-${n}`
    const fact = { type: 'asset.metadata_changed' as const, data: { asset, changed: [name] } }
    const facts = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => fact)
    const cause = { actor: 'test', correlationId: name }
    try {
      await database.transaction(async tx => {
        await appendFacts(tx, { tenant: 'demo', asset, cause, facts })
        if (isTakenBack) throw new TakenBack()
      })
      process.send?.({ name, count: facts.length })
    } catch (error) {
      if (!(error instanceof TakenBack)) throw error
    }
  }
}

const sequencer = openSequencer(database)
const number = async (): Promise<void> => {
  for (;;) await sequencer.next()
}

process.send?.('ready')
process.on('disconnect', () => process.exit())
await Promise.all([number(), ...Array.from({ length: writers }, (_, writer) => write(writer))])
