/** What is said of a rendition that is not there yet: never cached, and with the place to look how far it is. */
import type { Gateway } from '../gateway.ts'
import { nodesInQueue } from '../manifest/leaves.ts'
import type { Pending, Unpublished } from '../resolve/resolve.ts'

const RETRY_AFTER_SECONDS = 1

/** Since when and how often: read here, for the warm path has no use for it. */
const progressOf = async ({ database }: Gateway, { tenant, blocking }: Pending) => {
  const nodes = blocking.flatMap(({ node }) => (node === undefined ? [] : [node.replace('sha256:', '')]))
  const queued = new Map((await nodesInQueue(database, tenant, nodes)).map(row => [`sha256:${row.id}`, row]))
  const since = [...queued.values()].flatMap(({ queued_at }) => (queued_at === null ? [] : [queued_at.getTime()]))
  return {
    ...(since.length > 0 && { queued_at: new Date(Math.min(...since)).toISOString() }),
    blocking: blocking.map(one => ({ ...one, attempts: queued.get(one.node ?? '')?.attempts ?? 0 })),
  }
}

export const pendingResponse = async (gateway: Gateway, answer: Pending | Unpublished): Promise<Response> => {
  const { asset, product, rendition } = answer
  const isPlanned = answer.kind === 'pending'
  const path = isPlanned ? `${asset}/versions/${answer.version}/completeness` : `${asset}/versions`
  const body = {
    state: 'pending',
    asset,
    ...(isPlanned && { version: answer.version }),
    product,
    rendition,
    ...(isPlanned ? await progressOf(gateway, answer) : { blocking: [] }),
    retry_after: RETRY_AFTER_SECONDS,
    status_url: `${gateway.publicBase()}/v1/assets/${path}`,
  }
  const headers = { 'Retry-After': String(RETRY_AFTER_SECONDS), 'Cache-Control': 'no-store' }
  return Response.json(body, { status: 202, headers })
}
