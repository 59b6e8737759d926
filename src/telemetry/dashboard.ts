/** A dashboard for Grafana, of what is watched: `matrix dashboard`. Each section is a row, each watched thing a panel with its threshold. */
import { WATCHED, type Watched } from './watched.ts'

const PANEL = { width: 12, height: 8 }
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }

/** Where an alert compares with a number, it is a line. */
const thresholdOf = ({ alert }: Watched): number | undefined => {
  const [, number] = /^(?:>|==) ([\d.]+)$/.exec(alert?.when ?? '') ?? []
  return number === undefined ? undefined : Number(number)
}

const panelOf = (watched: Watched, place: { id: number; x: number; y: number }) => {
  const { title, expr, unit, legend, alert } = watched
  const threshold = thresholdOf(watched)
  return {
    id: place.id,
    type: 'timeseries',
    title,
    description: alert === undefined ? '' : `${alert.name}: ${alert.summary} ${alert.action}`,
    datasource: DATASOURCE,
    gridPos: { x: place.x, y: place.y, w: PANEL.width, h: PANEL.height },
    targets: [{ refId: 'A', datasource: DATASOURCE, expr, legendFormat: legend }],
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        custom: { thresholdsStyle: { mode: threshold === undefined ? 'off' : 'line' } },
        thresholds: {
          mode: 'absolute',
          steps: [
            { color: 'green', value: null },
            ...(threshold === undefined ? [] : [{ color: 'red', value: threshold }]),
          ],
        },
      },
      overrides: [],
    },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
  }
}

const panels = (): object[] => {
  const all: object[] = []
  let y = 0
  for (const section of new Set(WATCHED.map(watched => watched.section))) {
    all.push({
      id: all.length + 1,
      type: 'row',
      title: section,
      collapsed: false,
      gridPos: { x: 0, y, w: 24, h: 1 },
      panels: [],
    })
    y++
    const own = WATCHED.filter(watched => watched.section === section)
    for (const [index, watched] of own.entries()) {
      const place = { id: all.length + 1, x: (index % 2) * PANEL.width, y: y + Math.floor(index / 2) * PANEL.height }
      all.push(panelOf(watched, place))
    }
    y += Math.ceil(own.length / 2) * PANEL.height
  }
  return all
}

export const printDashboard = (): string =>
  `${JSON.stringify(
    {
      uid: 'asset-matrix',
      title: 'Asset Matrix',
      tags: ['asset-matrix'],
      schemaVersion: 39,
      editable: true,
      refresh: '30s',
      time: { from: 'now-6h', to: 'now' },
      templating: {
        list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus', hide: 0 }],
      },
      panels: panels(),
    },
    null,
    2,
  )}\n`
