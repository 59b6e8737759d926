/** The charts of the benchmarks: points where their values are, and tones that can be read in a light and in a dark theme. */
import { describe, expect, it } from 'vitest'
import { BLUE, drawChart, GREEN, INK, ORANGE } from '../bench/figure.ts'

const series = [
  {
    name: 'CPU <all>',
    color: BLUE,
    mark: 'circle' as const,
    points: [
      [0, 120],
      [100, 50],
    ] as const,
  },
  {
    name: 'bytes',
    color: ORANGE,
    mark: 'square' as const,
    points: [
      [0, 40],
      [100, 49],
    ] as const,
  },
]
const chart = { title: 'A & B', note: 'note', xLabel: 'overlap', yLabel: 'of siloed' }

/** WCAG 2.2, relative luminance and contrast. */
const luminance = (color: string): number => {
  const [r, g, b] = [1, 3, 5]
    .map(at => Number.parseInt(color.slice(at, at + 2), 16) / 255)
    .map(value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0)
}
const contrast = (one: string, other: string): number => {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

describe('a chart', () => {
  it('has its points where their values are', () => {
    const circles = [...drawChart({ ...chart, series }).matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)]
    const ticks = new Map(
      [...drawChart({ ...chart, series }).matchAll(/y="([\d.]+)" text-anchor="end">(\d+) %/g)].map(([, y, value]) => [
        Number(value),
        Number(y) - 4,
      ]),
    )
    const [first, last] = circles.map(([, x, y]) => [Number(x), Number(y)] as const)
    expect(Math.max(...ticks.keys())).toBe(125)
    expect(last?.[1]).toBeCloseTo(ticks.get(50) ?? 0, 0)
    expect(first?.[1]).toBeGreaterThan(ticks.get(125) ?? 0)
    expect(first?.[1]).toBeLessThan(ticks.get(100) ?? 0)
    expect(first?.[0]).toBeLessThan(last?.[0] ?? 0)
  })

  it('keeps labels apart whose lines end together', () => {
    const labels = [...drawChart({ ...chart, series }).matchAll(/y="([\d.]+)" font-weight="600">[^<]* %</g)]
    const [one, other] = labels.map(([, y]) => Number(y))
    expect(labels).toHaveLength(2)
    expect(Math.abs((one ?? 0) - (other ?? 0))).toBeGreaterThanOrEqual(18)
  })

  it('says what it is given as text, not as markup', () => {
    expect(drawChart({ ...chart, series })).toContain('A &#38; B')
    expect(drawChart({ ...chart, series })).not.toContain('<all>')
  })

  it.each([INK, BLUE, ORANGE, GREEN])('%s can be read on white and on near black', color => {
    for (const page of ['#ffffff', '#0d1117']) expect(contrast(color, page)).toBeGreaterThan(3.5)
  })
})
