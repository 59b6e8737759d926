import type { Command } from 'commander'
import { withoutControls } from '../../lib/plain-text.ts'
import { createClient } from '../../sdk/client.ts'
import { type AnyEvent, type EventFilter, seqOf } from '../../sdk/events.ts'
import { isProblem } from '../../sdk/problem.ts'
import { wholeNumber } from '../arguments.ts'
import { type GlobalOptions, optionsOf } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { findUrl, readAdminKey } from '../target.ts'

interface Wanted {
  readonly types?: string
  readonly subject?: string
  readonly since?: number
  readonly count?: number
}

/** What the line says otherwise, of the asset and of its order, is left out. */
const SAID = new Set(['asset', 'asset_event_no', 'mutation'])

/** What stands in an event others have written: it moves no cursor of a terminal. */
const describe = (event: AnyEvent): string => {
  const { type, subject, time, authid, authtype, data } = event
  const said = Object.entries(data).filter(([name, value]) => !SAID.has(name) && value !== null)
  return withoutControls(
    [
      String(seqOf(event) ?? '-'),
      time,
      type.replace(/^io\.matrix\./, '').replace(/\.v1$/, ''),
      subject,
      ...(authid === undefined ? (authtype === undefined ? [] : [authtype]) : [authid]),
      ...said.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`),
    ].join('  '),
  )
}

const follow = async (options: GlobalOptions, { types, subject, since, count }: Wanted): Promise<void> => {
  const client = createClient({
    baseUrl: await findUrl(options),
    key: options.key ?? (await readAdminKey(options.data)),
  })
  const leave = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leave.abort())
  // Whoever reads it has seen enough: `| head`.
  process.stdout.once('error', () => leave.abort())
  const filter = {
    ...(types !== undefined && { types: types.split(',') as EventFilter['types'] & object }),
    ...(subject !== undefined && { subject }),
    ...(since !== undefined && { after: since }),
  }
  let left = count ?? Number.POSITIVE_INFINITY
  try {
    for await (const event of client.stream({ ...filter, signal: leave.signal })) {
      console.log(options.json ? JSON.stringify(event) : describe(event))
      if (--left === 0) return
    }
  } catch (error) {
    if (leave.signal.aborted) return
    if (!isProblem(error)) throw error
    throw new CliFailure(error.status === 0 || error.status >= 500 ? 3 : 1, error.code, error.message)
  }
}

export const events = (program: Command): void => {
  program
    .command('events')
    .description('What happens')
    .command('tail')
    .description('Show events as they happen, a line each; goes on behind the last one when the connection ends')
    .option('--types <types>', 'of these types alone, by comma: asset.published,asset.version_failed.v2')
    .option('--subject <subject>', 'about one asset: assets/<id>')
    .option(
      '--since <seq>',
      'what came after this number first; 0: from the beginning',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .option('--count <n>', 'end after so many', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .action((wanted: Wanted, command: Command) => follow(optionsOf(command), wanted))
}
