/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), as one answer. */

/** `undefined` as data: nothing is said but that we are still here, and where to go on from. */
export interface StreamEvent {
  readonly event?: string
  readonly id?: string
  readonly data: unknown
}

const lineOf = ({ event, id, data }: StreamEvent): string => {
  const numbered = id === undefined ? '' : `id: ${id}\n`
  if (data === undefined) return `: still here\n${numbered}\n`
  const named = event === undefined ? '' : `event: ${event}\n`
  return `${named}${numbered}data: ${JSON.stringify(data)}\n\n`
}

/** Those that are given together are written together: one write each costs more than all that is in them. A generator that waits is not ended from outside before its next event: the signal tells it that the reader has left. */
export const eventStream = (
  open: (left: AbortSignal) => AsyncGenerator<StreamEvent | readonly StreamEvent[]>,
  headers: Readonly<Record<string, string>> = {},
): Response => {
  const leaving = new AbortController()
  const events = open(leaving.signal)
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await events.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode([value].flat().map(lineOf).join('')))
    },
    async cancel() {
      leaving.abort()
      await events.return(undefined)
    },
  })
  return new Response(body, {
    status: 200,
    headers: {
      ...headers,
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      // nginx would hold it back.
      'X-Accel-Buffering': 'no',
    },
  })
}
