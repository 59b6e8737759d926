/** What a monitor is given: printed from the table that the metrics are watched by, without a gateway. */
import type { Command } from 'commander'
import { printAlertRules } from '../../telemetry/alert-rules.ts'
import { printDashboard } from '../../telemetry/dashboard.ts'

export const alerts = (program: Command): void => {
  program
    .command('alerts')
    .description('Alert rules for Prometheus: put them into a file that its rule_files name')
    .action(() => void process.stdout.write(printAlertRules()))
}

export const dashboard = (program: Command): void => {
  program
    .command('dashboard')
    .description('A dashboard for Grafana, as JSON to import')
    .action(() => void process.stdout.write(printDashboard()))
}
