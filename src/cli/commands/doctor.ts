import type { Command } from 'commander'
import { call, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Diagnosis {
  readonly healthy: boolean
  readonly checks: readonly { readonly check: string; readonly ok: boolean; readonly detail: unknown }[]
}

export const doctor = (program: Command): void => {
  program
    .command('doctor')
    .description('Examine engines, store guarantees, clocks and invariants of a running gateway')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command)
      const diagnosis = (await (await call(options, '/v1/doctor')).json()) as Diagnosis
      print(options, diagnosis, ({ checks }) =>
        checks
          .map(
            ({ check, ok, detail }) =>
              `${ok ? 'ok  ' : 'FAIL'}  ${check.padEnd(28)} ${typeof detail === 'string' ? detail : JSON.stringify(detail)}`,
          )
          .join('\n'),
      )
      if (!diagnosis.healthy) throw new CliFailure(1, 'unhealthy', 'Something needs attention.')
    })
}
