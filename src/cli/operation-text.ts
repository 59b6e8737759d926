/** Long work in a line of text, whichever kind it is. */
export interface Operation {
  readonly id: string
  readonly kind: string
  readonly state: string
  readonly progress: {
    readonly total: number
    readonly done: number
    readonly failed: number
    readonly percent: number
    readonly eta_seconds?: number
  }
  readonly steps: readonly { readonly name: string; readonly state: string }[]
  readonly reason?: string
}

export interface Backfill extends Operation {
  readonly kind: 'backfill'
  readonly collection: string
  readonly product: string
  readonly rendition: string
  readonly revision: number
  readonly cpu_ms: number
}

export interface Erasure extends Operation {
  readonly kind: 'erase'
  readonly asset: string
  readonly step: string
  readonly reason: string
  readonly max_exposure_until: string
  readonly receipt?: { readonly objects: number; readonly bytes: number; readonly kept: readonly object[] }
}

interface Rollout extends Operation {
  readonly kind: 'rollout'
  readonly phase: string
  readonly share: number
  readonly engine: string
}

interface Import extends Operation {
  readonly kind: 'import'
  readonly collections: readonly string[]
}

type Known = Backfill | Erasure | Rollout | Import

export const isOver = ({ state }: Operation): boolean => !['RUNNING', 'PAUSED', 'COMPENSATING'].includes(state)

const summaryOfErasure = ({ state, step, progress, receipt, max_exposure_until: until }: Erasure): string =>
  receipt === undefined
    ? `${state} (${step})  ${progress.done} of ${progress.total} objects`
    : `${state}  ${receipt.objects} objects of ${receipt.bytes} bytes deleted, ${receipt.kept.length} kept for others  URLs end by ${until}`

/** How far it is, without what it is about. */
export const summaryOf = (operation: Operation): string => {
  const one = operation as Known
  if (one.kind === 'erase') return summaryOfErasure(one)
  const { total, done, failed, eta_seconds: eta } = one.progress
  const said = [...(one.kind === 'rollout' ? [one.phase] : []), ...(one.reason === undefined ? [] : [one.reason])]
  return [
    `${one.state}${said.length === 0 ? '' : ` (${said.join(', ')})`}`,
    `${done + failed} of ${total}${failed > 0 ? `, ${failed} failed` : ''}`,
    ...(eta === undefined ? [] : [`${eta} s left`]),
    ...(one.kind === 'backfill' ? [`${(one.cpu_ms / 1000).toFixed(1)} s of CPU`] : []),
  ].join('  ')
}

const aboutOf = (operation: Operation): string => {
  const one = operation as Known
  if (one.kind === 'erase') return `${one.asset} (${one.reason})`
  if (one.kind === 'rollout') return `${one.share} % to ${one.engine}`
  if (one.kind === 'import') return one.collections.length === 0 ? 'of versions' : `into ${one.collections.join(', ')}`
  return `${one.collection} ${one.product}/${one.rendition} r${one.revision}`
}

export const describeOperation = (one: Operation): string => `${one.id}  ${one.kind} ${aboutOf(one)}  ${summaryOf(one)}`

export const barOf = ({ percent }: Operation['progress']): string =>
  `[${'#'.repeat(Math.round(percent * 0.3)).padEnd(30, '.')}] ${percent} %`
