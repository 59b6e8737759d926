import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Level {
  readonly class: string
  readonly about: string
  readonly goal: number | null
  readonly count: number
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly errors: number
  readonly met: boolean | null
}

interface Sla {
  readonly window_seconds: number
  readonly met: boolean
  readonly levels: readonly Level[]
  readonly given_up: Readonly<Record<string, number>>
  readonly waiting: Readonly<Record<string, number>>
}

const ms = (seconds: number | null): string => (seconds === null ? '-' : `${(seconds * 1000).toFixed(1)}`)
const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')

const line = (level: Level): string => {
  const verdict = level.met === null ? '' : level.met ? 'ok' : 'MISSED'
  const cells = [level.class.padEnd(10), verdict.padEnd(7), String(level.count).padStart(8)]
  const times = [level.p50, level.p95, level.p99, level.goal].map(each => ms(each).padStart(9))
  return [...cells, ...times, String(level.errors).padStart(7)].join(' ')
}

const HEAD = `${'class'.padEnd(19)}${'count'.padStart(8)}${['p50 ms', 'p95 ms', 'p99 ms', 'goal p95', 'errors']
  .map((word, place) => word.padStart(place === 4 ? 8 : 10))
  .join('')}`

const describe = ({ window_seconds, levels, given_up, waiting }: Sla): string =>
  [
    `The last ${window_seconds / 60} minutes: requests of this gateway, renditions and events of the tenant`,
    HEAD,
    ...levels.map(line),
    `given up: ${counts(given_up)}`,
    `waiting: ${counts(waiting)}`,
  ].join('\n')

export const sla = (program: Command): void => {
  program
    .command('sla')
    .description('What is promised and how it was kept in the last minutes; ends with 1 where it was not')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const shown = (await (await call(options, '/v1/sla')).json()) as Sla
      print(options, shown, describe)
      if (!shown.met) throw new CliFailure(1, 'level-missed', 'Something takes longer than promised.')
    })
}
