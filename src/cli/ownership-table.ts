/** The matrix as a table: products down, collections across. */

export interface Cell {
  readonly product: string
  readonly role: string
  readonly original_access: boolean
  readonly visibility: string
  readonly private_metadata?: boolean
  readonly ad_hoc?: object | false
  readonly not_before?: string
  readonly expires_at?: string
  readonly holds: 'now' | 'later' | 'over'
  readonly conditions?: {
    readonly media_types?: readonly string[]
    readonly labels?: { readonly all?: readonly string[]; readonly any?: readonly string[] }
    readonly networks?: readonly string[]
  }
}

export interface CollectionRow {
  readonly collection: string
  readonly owner: string
  readonly edges: readonly Cell[]
  readonly single_assets: readonly { readonly product: string; readonly role: string; readonly assets: number }[]
}

/** `2026-12-01`, with the time where there is one. */
const moment = (text: string): string => text.replace(/T00:00:00(?:\.000)?Z$/, '').replace(/\.000Z$/, 'Z')

const span = ({ holds, not_before, expires_at }: Cell): string[] => [
  ...(holds === 'over' ? ['OVER'] : []),
  ...(not_before === undefined ? [] : [`from ${moment(not_before)}`]),
  ...(expires_at === undefined ? [] : [`until ${moment(expires_at)}`]),
]

/** Each part is one thing that the edge gives or asks for. */
export const wordsOf = (cell: Cell): string[] => {
  const { role, original_access, private_metadata, ad_hoc, visibility, conditions = {} } = cell
  const { media_types: types, labels, networks } = conditions
  return [
    role,
    ...(original_access ? ['original'] : []),
    ...(private_metadata ? ['private metadata'] : []),
    ...(ad_hoc ? ['ad hoc'] : []),
    ...(visibility === 'public' ? ['public'] : []),
    ...(types ? [types.join('|')] : []),
    ...(labels?.all ? [`labels ${labels.all.join('+')}`] : []),
    ...(labels?.any ? [`labels ${labels.any.join('|')}`] : []),
    ...(networks ? [`in ${networks.join('|')}`] : []),
    ...span(cell),
  ]
}

/** Rows of cells of parts; the first row and the first column are names. */
export const ownershipTable = (rows: readonly CollectionRow[]): string[][][] => {
  const said = (row: CollectionRow, product: string): string[] => {
    const edge = row.edges.find(one => one.product === product)
    const singles = row.single_assets.filter(one => one.product === product)
    return [
      ...(edge ? wordsOf(edge) : []),
      ...singles.map(({ role, assets }) => `${assets} ${assets === 1 ? 'asset' : 'assets'}: ${role}`),
    ]
  }
  const products = [
    ...new Set(rows.flatMap(row => [...row.edges, ...row.single_assets].map(({ product }) => product))),
  ].sort()
  return [
    [['product'], ...rows.map(({ collection }) => [collection])],
    ...products.map(product => [[product], ...rows.map(row => said(row, product))]),
  ]
}

/** Parts below each other, so that a column is no wider than its longest part. */
export const textTable = (table: readonly string[][][]): string => {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map(row => Math.max(1, ...(row[column] ?? []).map(part => part.length)))),
  )
  const rule = widths.map(width => '-'.repeat(width)).join('  ')
  const lines = table.map(row => {
    const height = Math.max(1, ...row.map(parts => parts.length))
    return Array.from({ length: height }, (_, line) =>
      row
        .map((parts, column) => (parts[line] ?? (line === 0 ? '.' : '')).padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ).join('\n')
  })
  return lines.join(`\n${rule}\n`)
}

export const markdownTable = (table: readonly string[][][]): string => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const escaped = (parts: readonly string[]): string => parts.join(', ').replaceAll('|', '\\|')
  const [head = [], ...rest] = table.map(row => row.map(escaped))
  return [line(head), line(head.map(() => '---')), ...rest.map(line)].join('\n')
}
