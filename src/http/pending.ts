/** What is said of a rendition that is not there yet: never cached, and with the place to look how far it is. */
import type { Gateway } from '../gateway.ts'
import { nodesInQueue } from '../manifest/leaves.ts'
import type { Pending, Unpublished } from '../resolve/resolve.ts'
import type { MatrixContext } from './context.ts'
import { crossOriginOf } from './cross-origin.ts'

export const RETRY_AFTER_SECONDS = 1

/** Where it is told how far the versions of an asset are, or one of them. */
export const statusUrl = ({ publicBase }: Pick<Gateway, 'publicBase'>, asset: string, version?: number): string =>
  `${publicBase()}/v1/assets/${asset}/versions${version === undefined ? '' : `/${version}/completeness`}`

type Waiting = Pending | Unpublished

const nodesOf = (answer: Waiting): readonly string[] =>
  answer.kind === 'pending'
    ? answer.blocking.flatMap(({ node }) => (node === undefined ? [] : [node.replace('sha256:', '')]))
    : []

/** Since when and how often: read here, for the warm path has no use for it. One statement for all of one caller's. */
export const pendingDocuments = async (
  { database, publicBase }: Pick<Gateway, 'database' | 'publicBase'>,
  answers: readonly Waiting[],
) => {
  const nodes = [...new Set(answers.flatMap(nodesOf))]
  const [{ tenant = '' } = {}] = answers
  const rows = nodes.length === 0 ? [] : await nodesInQueue(database, tenant, nodes)
  const queued = new Map(rows.map(row => [`sha256:${row.id}`, row]))
  return answers.map(answer => {
    const { asset, product, rendition } = answer
    const isPlanned = answer.kind === 'pending'
    const blocking = isPlanned
      ? answer.blocking.map(one => ({ ...one, attempts: queued.get(one.node ?? '')?.attempts ?? 0 }))
      : []
    const since = blocking.flatMap(({ node = '' }) => queued.get(node)?.queued_at?.getTime() ?? [])
    return {
      state: 'pending' as const,
      asset,
      ...(isPlanned && { version: answer.version }),
      product,
      rendition,
      ...(since.length > 0 && { queued_at: new Date(Math.min(...since)).toISOString() }),
      blocking,
      retry_after: RETRY_AFTER_SECONDS,
      status_url: statusUrl({ publicBase }, asset, isPlanned ? answer.version : undefined),
    }
  })
}

export const PENDING_HEADERS = {
  'Retry-After': String(RETRY_AFTER_SECONDS),
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
} as const

export const pendingResponse = async (c: MatrixContext, gateway: Gateway, answer: Waiting): Promise<Response> => {
  const [body] = await pendingDocuments(gateway, [answer])
  return Response.json(body, { status: 202, headers: { ...PENDING_HEADERS, ...crossOriginOf(c) } })
}
