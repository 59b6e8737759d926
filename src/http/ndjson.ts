/** JSON a line at a time, out and in, never more of it in memory than a page or a line. */
import type { Readable } from 'node:stream'
import { refuse } from '../model/errors.ts'

export const NDJSON = 'application/x-ndjson'

/** Text is made when the caller has taken what came before; a caller who goes away ends it. */
export const streamOf = (text: AsyncGenerator<string>): ReadableStream<Uint8Array> => {
  const encoder = new TextEncoder()
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await text.next()
        if (next.done) controller.close()
        else controller.enqueue(encoder.encode(next.value))
      },
      cancel: () => void text.return(undefined),
    },
    { highWaterMark: 0 },
  )
}

const NEWLINE = 10

const tooLong = (number: number, most: number) =>
  refuse('contract-violation', `Line ${number} has more than ${most} bytes.`, {
    violations: [{ pointer: `/${number}`, rule: 'too_big', message: `Expected at most ${most} bytes.` }],
  })

/** Throws `contract-violation` for a line that is too long, and `upload-incomplete` for a silence that is. */
export async function* linesOf(
  body: Readable,
  { maxLineBytes, idleMs }: { maxLineBytes: number; idleMs: number },
): AsyncGenerator<{ readonly number: number; readonly text: string }> {
  let rest: Buffer = Buffer.alloc(0)
  let number = 0
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  /** Only while we wait for it: who reads may take his time. */
  const nextChunk = async (): Promise<Buffer | undefined> => {
    const late = () => body.destroy(refuse('upload-incomplete', 'The body took too long to arrive.'))
    const silent = setTimeout(late, idleMs)
    try {
      const next = await chunks.next()
      return next.done ? undefined : next.value
    } finally {
      clearTimeout(silent)
    }
  }
  try {
    for (let chunk = await nextChunk(); chunk !== undefined; chunk = await nextChunk()) {
      let block = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let end = block.indexOf(NEWLINE); end !== -1; end = block.indexOf(NEWLINE)) {
        number++
        if (end > maxLineBytes) throw tooLong(number, maxLineBytes)
        if (end > 0) yield { number, text: block.toString('utf8', 0, end) }
        block = block.subarray(end + 1)
      }
      if (block.length > maxLineBytes) throw tooLong(number + 1, maxLineBytes)
      rest = block
    }
    if (rest.length > 0) yield { number: number + 1, text: rest.toString('utf8') }
  } finally {
    await chunks.return?.()
  }
}
