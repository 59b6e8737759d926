/** What took how long, for `Server-Timing`: names and milliseconds, and nothing of what was done. */
import type { MatrixContext } from './context.ts'
import { span } from './request-names.ts'

export const noteSpan = (c: MatrixContext, name: Parameters<typeof span>[0], startedAt: number): void => {
  c.set('spans', `${c.get('spans') ?? ''}${span(name, performance.now() - startedAt)}`)
}
