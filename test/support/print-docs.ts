/** Reference pages, printed from what runs: the configuration, the operations, the errors and the command line. */
import type { Command } from 'commander'
import { buildProgram } from '../../src/cli/program.ts'
import { INTEGRATION_KEYS } from '../../src/config/integration-keys.ts'
import { keyOf } from '../../src/config/keys.ts'
import { VARIABLES } from '../../src/config.ts'
import type { Variable } from '../../src/environment.ts'
import { ERROR_CATALOGUE } from '../../src/model/errors.ts'
import { describeOperations, type ParameterRow } from '../../src/ops/describe.ts'
import { openMetrics } from '../../src/telemetry/metrics.ts'
import { SERVICE_LEVELS } from '../../src/telemetry/service-levels.ts'
import { WATCHED } from '../../src/telemetry/watched.ts'
import { SAMPLES } from './samples.ts'

const variables: readonly Variable<unknown>[] = Object.values(VARIABLES)

const cell = (text: string): string => text.replaceAll('|', '\\|')
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(row => `| ${row.map(cell).join(' | ')} |`).join('\n')
const code = (text: string): string => (text === '' ? '' : `\`${text}\``)
const page = (...parts: readonly string[]): string => `${parts.join('\n\n')}\n`
const PRINTED = 'Printed by `npm run docs` from the code that runs; a test fails when it is stale.'

export const printEnvExample = (): string => {
  const entries = variables.map(({ env, fallback, doc, secret }) => {
    const kind = fallback === undefined ? `Optional${secret ? ', secret' : ''}.` : `Default ${fallback || 'none'}.`
    return `# ${doc} ${kind}\n#${env}=${fallback ?? ''}`
  })
  return page(
    '# Everything that can be configured. Nothing has to be: `npm start` runs without any of it.\n' +
      '# The program reads its environment only, so load this file with what starts it (`docker compose` does,\n' +
      '# as does `node --env-file=.env dist/src/main.js`). Printed by `npm run docs`.',
    ...entries,
  )
}

const CONFIG_FILE = `## A file

\`matrix.config.ts\`, \`.mjs\` or \`.json\` in the folder where a process starts, or the file that \`ASSET_MATRIX_CONFIG\` names. The environment wins. Lists are lists, flags are true and false:

\`\`\`ts
import { defineConfig } from 'asset-matrix/config'

export default defineConfig({
  database: { url: 'postgres://matrix@db/matrix' },
  webhook: { timeoutMs: 5_000, ports: [443] },
  observability: { tracing: 'otel', logLevel: 'info' },
})
\`\`\`

The key of a variable is its name, by one rule: \`ASSET_MATRIX_\` goes, the first word is the section, the rest the name within it. \`npx matrix config check\` says what is wrong; \`npx matrix config print --set\` says what is set and where, with secrets masked. What is secret is better in the environment.`

export const printConfiguration = (): string =>
  page(
    '# Configuration',
    `Environment variables, and a file beside them, read once at the start; all that is wrong is reported at once. What is not named falls back to an embedded part. ${PRINTED}`,
    CONFIG_FILE,
    '## Everything',
    table(
      ['variable', 'key', 'default', 'meaning'],
      variables.map(({ env, fallback, doc, secret }) => [
        code(env),
        code(keyOf({ env })),
        fallback === undefined ? '' : code(fallback),
        `${doc}${secret ? ' Secret.' : ''}`,
      ]),
    ),
    'The command line reads `ASSET_MATRIX_URL`, `ASSET_MATRIX_KEY` and `ASSET_MATRIX_DATA` in place of `--url`, `--key` and `--data`, and no file.',
    '## Keys of an integration',
    'A file may describe the integration by the names that products have for it, whatever is behind it. Each stands for a variable, or for what is so anyhow; what there is not is refused, with what there is instead.',
    table(
      ['key', 'values', 'means'],
      INTEGRATION_KEYS.map(({ key, values, about }) => [code(key), values, about]),
    ),
  )

const BEHIND_TRIM =
  'Geometry comes first, so that effects count in pixels of the result. What changes nothing is no step. How much `trim` cuts off only the pixels can tell: what stands behind it is measured when it runs, and what it then cannot give is a failed rendition with the code that a plan would have refused it with.'

const MOVING_PICTURES =
  'A picture that moves (GIF, WebP) goes on moving in WebP and GIF, at its own pace, unless the format says `animated: false`; in the other formats its first frame stands for it. Every operation is done to each frame as if it were the only one, but for what the pixels decide: `trim` leaves what any frame shows, a crop by attention or entropy is that of the first frame, and `normalise` stretches all frames alike. With `format=auto` what moves comes before what does not. All frames together count against the limits of pixels.'

export const printOperations = (): string => {
  const rows = describeOperations()
  const section = (name: string): string => {
    const own: readonly ParameterRow[] = rows.filter(({ operation }) => operation === name)
    return `## ${name}\n\n${table(
      ['parameter', 'values', 'default', 'meaning'],
      own.map(row => [
        code(row.parameter || name),
        row.values,
        code(row.default === 'required' ? '' : row.default) || row.default,
        row.description,
      ]),
    )}`
  }
  return page(
    '# Operations',
    `What a recipe may ask for, in the order in which a stage runs it, then the formats and their settings. A value outside these is refused with \`invalid-recipe\` before any work is done. ${PRINTED}`,
    table(
      ['operation', 'asked for', 'result'],
      Object.entries(SAMPLES).map(([name, { recipe }]) => [
        `[${name}](#${name})`,
        code(JSON.stringify(recipe)),
        `![${name}](operations/${name}.webp)`,
      ]),
    ),
    BEHIND_TRIM,
    MOVING_PICTURES,
    ...[...new Set(rows.map(({ operation }) => operation))].map(section),
  )
}

export const printErrors = (): string =>
  page(
    '# Errors',
    `Every refusal is a problem document (RFC 9457) with a stable \`code\`; \`retryable\` says whether the same request may succeed later. Each code has a page of its own at \`/problems/{code}\`. ${PRINTED}`,
    table(
      ['code', 'status', 'meaning', 'retry'],
      Object.entries(ERROR_CATALOGUE).map(([name, { status, title, retryable }]) => [
        code(name),
        String(status),
        title,
        retryable ? 'yes' : '',
      ]),
    ),
  )

interface Described {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labelNames: readonly string[]
}

/** Those of the process itself, which every program has, are not ours to explain. */
const OF_THE_PROCESS = /^matrix_(process|nodejs)_/

export const printMetrics = (): string => {
  const all = openMetrics().registry.getMetricsAsArray() as unknown as readonly Described[]
  const own = all.filter(({ name }) => !OF_THE_PROCESS.test(name)).sort((a, b) => (a.name < b.name ? -1 : 1))
  return page(
    '# Metrics',
    `What \`/metrics\` has, of gateways on their port and of workers on OPS_PORT, beside those of every Node process (\`matrix_process_…\`, \`matrix_nodejs_…\`). Labels are bounded: routes, states, codes and products, never ids. [Monitoring](monitoring.md) says what to do with them. ${PRINTED}`,
    '## Promises',
    table(
      ['class', 'what is timed', 'p95'],
      Object.entries(SERVICE_LEVELS).map(([name, { about, goalSeconds }]) => [
        code(name),
        about,
        goalSeconds === undefined ? '' : `${goalSeconds * 1000} ms`,
      ]),
    ),
    '## Alerts',
    table(
      ['alert', 'severity', 'fires when', 'for', 'what to do'],
      WATCHED.flatMap(({ expr, alert }) =>
        alert === undefined
          ? []
          : [
              [
                code(alert.name),
                alert.severity,
                code(`${expr} ${alert.when}`),
                alert.lasts,
                `${alert.summary} ${alert.action}`,
              ],
            ],
      ),
    ),
    '## All',
    table(
      ['metric', 'kind', 'labels', 'meaning'],
      own.map(({ name, type, labelNames, help }) => [code(name), type, labelNames.map(code).join(', '), help]),
    ),
  )
}

const leavesOf = (command: Command): readonly Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()

const helpOf = (command: Command): string => {
  let text = ''
  // As wide as this page, whatever the terminal of whoever prints it.
  command.configureOutput({
    writeOut: out => {
      text += out
    },
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return `\`\`\`\n${text.trimEnd()}\n\`\`\``
}

export const printCli = (): string => {
  const program = buildProgram()
  const sections = leavesOf(program).map(command => {
    command.configureHelp({ showGlobalOptions: false })
    return `## ${pathOf(command)}\n\n${helpOf(command)}`
  })
  return page('# Command line', `\`npx matrix\` in a checkout. ${PRINTED}`, helpOf(program), ...sections)
}
