import { type Hints, readHints } from '../deliver/hints.ts'
import type { MatrixContext } from './context.ts'

export const hintsOf = (c: MatrixContext): Hints =>
  readHints({
    'save-data': c.req.header('save-data'),
    'sec-ch-dpr': c.req.header('sec-ch-dpr'),
    dpr: c.req.header('dpr'),
  })
