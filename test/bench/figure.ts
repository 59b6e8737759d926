/**
 * A line chart of shares as SVG. Drawn on nothing, in tones that stand off from white and from near black alike: a page that shows
 * the file as a picture tells it nothing of its own theme. Lines are told apart by mark and label too, not by colour alone.
 */

export interface Series {
  readonly name: string
  readonly color: string
  readonly mark: 'circle' | 'square' | 'diamond'
  /** In percent, x rising. */
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Chart {
  readonly title: string
  readonly note: string
  readonly xLabel: string
  readonly yLabel: string
  /** What is written below the axis; by default percents. */
  readonly xTicks?: readonly (readonly [x: number, label: string])[]
  readonly series: readonly Series[]
}

export const INK = '#77797d'
export const BLUE = '#3b82f6'
export const ORANGE = '#c2610c'
export const GREEN = '#2b8a3e'

const [WIDTH, HEIGHT] = [760, 420]
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 150, 56, 72]
const STEP = 25

const escaped = (text: string): string => text.replace(/[&<>]/g, sign => `&#${sign.charCodeAt(0)};`)
const round = (value: number): number => Math.round(value * 10) / 10

const markAt = (mark: Series['mark'], x: number, y: number): string => {
  if (mark === 'circle') return `<circle cx="${x}" cy="${y}" r="4"/>`
  const turn = mark === 'diamond' ? ` transform="rotate(45 ${x} ${y})"` : ''
  return `<rect x="${round(x - 3.5)}" y="${round(y - 3.5)}" width="7" height="7"${turn}/>`
}

/** Labels at the ends of their lines, pushed apart where the lines end close together. */
const spread = (places: readonly number[], apart: number): number[] => {
  const order = places.map((_, index) => index).sort((a, b) => (places[a] as number) - (places[b] as number))
  const moved = [...places]
  for (const [rank, index] of order.entries())
    if (rank > 0) moved[index] = Math.max(moved[index] as number, (moved[order[rank - 1] as number] as number) + apart)
  return moved
}

const PERCENTS = [0, 25, 50, 75, 100].map(x => [x, `${x} %`] as const)

export const drawChart = ({ title, note, xLabel, yLabel, xTicks = PERCENTS, series }: Chart): string => {
  const highest = Math.max(100, ...series.flatMap(({ points }) => points.map(([, y]) => y)))
  const top = Math.ceil(highest / STEP) * STEP
  const xOf = (x: number): number => round(LEFT + ((WIDTH - LEFT - RIGHT) * x) / 100)
  const yOf = (y: number): number => round(HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * y) / top)
  const text = (x: number, y: number, words: string, more = ''): string =>
    `<text x="${x}" y="${y}"${more}>${escaped(words)}</text>`
  const ticks = Array.from({ length: top / STEP + 1 }, (_, index) => index * STEP)
  const grid = ticks.map(
    y =>
      `<path d="M${xOf(0)} ${yOf(y)}H${xOf(100)}" stroke-opacity="${y === 0 || y === 100 ? 0.9 : 0.3}"${y === 100 ? ' stroke-dasharray="6 4"' : ''}/>`,
  )
  const ends = spread(
    series.map(({ points }) => yOf(points.at(-1)?.[1] ?? 0)),
    18,
  )
  const lines = series.map(({ name, color, mark, points }, index) => {
    const places = points.map(([x, y]) => [xOf(x), yOf(y)] as const)
    const path = places.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join('')
    const label = `${name}, ${Math.round(points.at(-1)?.[1] ?? 0)} %`
    return [
      `<g fill="${color}" stroke="none"><path d="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
      ...places.map(([x, y]) => markAt(mark, x, y)),
      text(xOf(100) + 12, round((ends[index] ?? 0) + 4), label, ' font-weight="600"'),
      '</g>',
    ].join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="${INK}" stroke="none">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(series.map(({ name, points }) => `${name}: ${points.map(([x, y]) => `${xTicks.find(([at]) => at === x)?.[1] ?? `${x} %`} ${y} %`).join(', ')}`).join('; '))}</desc>`,
    text(LEFT, 24, title, ' font-size="15" font-weight="600"'),
    text(LEFT, 44, yLabel),
    `<g stroke="${INK}" fill="none">${grid.join('')}</g>`,
    ...ticks.map(y => text(LEFT - 8, round(yOf(y) + 4), `${y} %`, ' text-anchor="end"')),
    ...xTicks.map(([x, label]) => text(xOf(x), HEIGHT - BOTTOM + 20, label, ' text-anchor="middle"')),
    text(xOf(50), HEIGHT - BOTTOM + 40, xLabel, ' text-anchor="middle"'),
    text(LEFT, HEIGHT - 8, note, ' font-size="11"'),
    ...lines,
    '</svg>',
    '',
  ].join('\n')
}
