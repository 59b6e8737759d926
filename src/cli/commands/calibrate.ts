import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Costs {
  readonly machines: readonly {
    readonly machine: string
    readonly measured_at?: string
    readonly pending: boolean
    readonly factors: Readonly<Record<string, number>>
  }[]
}

/** Workers look every 5 s and take some 5 s. */
const PATIENCE_MS = 60_000

const describe = ({ machines }: Costs): string =>
  machines
    .map(({ machine, measured_at: at, factors }) =>
      [
        `${machine}  ${at === undefined ? 'not measured' : `measured ${at}`}`,
        ...Object.entries(factors).map(
          ([step, ms]) => `  ${step.padEnd(24)} ${ms.toFixed(1).padStart(8)} ms a megapixel`,
        ),
      ].join('\n'),
    )
    .join('\n')

export const calibrate = (program: Command): void => {
  program
    .command('calibrate')
    .description('Have workers measure what the steps of the graph cost on their machines; estimates rest on it')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      await call(options, '/v1/costs/measure', { method: 'POST' })
      for (const until = Date.now() + PATIENCE_MS; ; await delay(500)) {
        const costs = (await (await call(options, '/v1/costs')).json()) as Costs
        if (costs.machines.every(({ pending }) => !pending)) return print(options, costs, describe)
        if (Date.now() > until)
          throw new CliFailure(1, 'not-measured', 'No worker has measured within a minute. Is one running?')
      }
    })
}
