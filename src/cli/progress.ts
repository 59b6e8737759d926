import type { Readable } from 'node:stream'

/** A line that fills up while a stream is read; nothing where nobody looks. */
export const progressOf = (
  stream: Readable,
  { label, total, quiet }: { label: string; total: number; quiet: boolean },
): void => {
  if (quiet || !process.stderr.isTTY || total === 0) return
  let done = 0
  stream.on('data', (chunk: Buffer) => {
    done += chunk.length
    const share = done / total
    const bar = '#'.repeat(Math.round(share * 30)).padEnd(30, '.')
    process.stderr.write(`\r${label} [${bar}] ${Math.round(share * 100)} %`)
  })
  stream.on('close', () => process.stderr.write('\r\x1b[K'))
}
