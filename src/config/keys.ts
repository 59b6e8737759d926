/**
 * What a variable is called in a configuration file: by one rule, so that there is no second list. `ASSET_MATRIX_` goes, the first
 * word is the section, the others are the name within it: `WEBHOOK_TIMEOUT_MS` is `webhook.timeoutMs`, `PORT` is `port`.
 */
import { VARIABLES } from '../config.ts'
import type { Variable } from '../environment.ts'

export const keyOf = ({ env }: Pick<Variable<unknown>, 'env'>): string => {
  const [section = '', ...words] = env
    .replace(/^ASSET_MATRIX_/, '')
    .toLowerCase()
    .split('_')
  const name = words.map((word, place) => (place === 0 ? word : `${word[0]?.toUpperCase()}${word.slice(1)}`)).join('')
  return name === '' ? section : `${section}.${name}`
}

export const VARIABLE_OF: ReadonlyMap<string, Variable<unknown>> = new Map(
  Object.values(VARIABLES).map((variable: Variable<unknown>) => [keyOf(variable), variable]),
)
