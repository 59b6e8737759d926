/** Names of other systems as people write them: `erp:4711`, of which what stands before the first colon is the namespace. */
import { CliFailure } from './failure.ts'

export interface CliAlias {
  readonly namespace: string
  readonly external_id: string
}

export const readAlias = (text: string): CliAlias => {
  const at = text.indexOf(':')
  if (at < 1 || at === text.length - 1)
    throw new CliFailure(2, 'usage', `Expected a namespace and an id, such as erp:4711, but got ${text}.`)
  return { namespace: text.slice(0, at), external_id: text.slice(at + 1) }
}

/** As in a URL. */
export const spelled = ({ namespace, external_id }: CliAlias): string =>
  `${namespace}:${encodeURIComponent(external_id)}`
