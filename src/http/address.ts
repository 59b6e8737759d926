/** The caller's address, found out when somebody asks: of a hundred requests that is none, where no edge has networks. */
import type { MatrixContext } from './context.ts'

export const addressOf = (c: MatrixContext) => (): string | undefined =>
  c.env?.incoming && c.get('addresses').ofMessage(c.env.incoming)
