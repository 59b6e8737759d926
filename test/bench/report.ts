/** Tables of results, as Markdown. */
export type Row = readonly (string | number)[]

export interface Table {
  readonly title: string
  readonly note: string
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

export const ratio = (value: number, reference: number): string => (value / reference).toFixed(2)
export const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`

const line = (cells: Row): string => `| ${cells.join(' | ')} |`

export const markdown = ({ title, note, columns, rows }: Table): string =>
  [`## ${title}`, '', note, '', line(columns), line(columns.map(() => '---')), ...rows.map(line), ''].join('\n')

/** Nearest rank. */
export const quantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}
