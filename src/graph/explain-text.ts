/** An explanation as text for a terminal. */
import type { Step } from '../model/recipe.ts'
import type { ExplainedNode, Explanation } from './explain.ts'

const describe = ({ op, params }: Step): string => {
  const { width, height, format, from: _, ...rest } = params
  const size = width === undefined ? [] : [`${width} x ${height}`]
  const named = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`,
  )
  return [op, ...(format === undefined ? [] : [format]), ...size, ...named].join(' ')
}

const line = (node: ExplainedNode): string => {
  const { key, step, estimatedCpuMs, sharedBy, wishes, state, made, children } = node
  const fate = [...(state ? [state] : []), ...(made?.existed ? ['was there'] : [])]
  const sharing = children.length === 0 ? sharedBy.join(', ') : `for ${wishes}`
  return [`${describe(step)}`, key.slice(0, 12), `~${estimatedCpuMs} ms`, ...fate, sharing].join('  ')
}

const draw = (nodes: readonly ExplainedNode[], indent: string): readonly string[] =>
  nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1
    return [
      `${indent}${isLast ? '└─' : '├─'} ${line(node)}`,
      ...draw(node.children, `${indent}${isLast ? '   ' : '│  '}`),
    ]
  })

const GAIN_MAP = ', with a gain map that is left behind: outputs are of standard dynamic range'

/** Ends in a newline. */
export const explanationText = ({ original, image, rungs, refused, totals }: Explanation): string => {
  const { asked, distinct, aloneCpuMs, plannedCpuMs, existing, remainingCpuMs } = totals
  const { measuredCpuMs, measuredAloneCpuMs } = totals
  const saved = Math.round(measuredAloneCpuMs - measuredCpuMs)
  return [
    `original ${original.slice(0, 12)}  ${image.format} ${image.width} x ${image.height}${image.gainMap ? GAIN_MAP : ''}`,
    ...draw(rungs, ''),
    ...refused.map(({ wish, code, message }) => `refused ${wish}  ${code}: ${message}`),
    `asked ${asked}, distinct ${distinct}; CPU ~${plannedCpuMs} ms shared, ~${aloneCpuMs} ms one by one`,
    ...(measuredAloneCpuMs > 0
      ? [
          `measured ${measuredCpuMs} ms, one by one ${measuredAloneCpuMs} ms: ${saved} ms saved; ${existing} of ${distinct} were there; ~${remainingCpuMs} ms to do`,
        ]
      : []),
    '',
  ].join('\n')
}
