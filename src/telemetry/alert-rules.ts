/** Rules for Prometheus, of what is watched: `matrix alerts`. */
import { WATCHED, type Watched } from './watched.ts'

// A string of JSON is one of YAML.
const text = (value: string): string => JSON.stringify(value)

const ruleOf = ({ expr, alert }: Watched): readonly string[] =>
  alert === undefined
    ? []
    : [
        [
          `      - alert: ${alert.name}`,
          `        expr: ${text(`${expr} ${alert.when}`)}`,
          `        for: ${alert.lasts}`,
          `        labels: { severity: ${alert.severity} }`,
          '        annotations:',
          `          summary: ${text(alert.summary)}`,
          `          description: ${text(alert.action)}`,
        ].join('\n'),
      ]

export const printAlertRules = (): string =>
  `# Rules for Prometheus, printed by \`matrix alerts\`.
groups:
  - name: asset-matrix
    rules:
${WATCHED.flatMap(ruleOf).join('\n')}
`
