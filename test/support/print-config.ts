/** The configuration file as a type, printed from the variables and the keys of an integration: editors complete it, and a wrong key does not compile. */
import { INTEGRATION_KEYS } from '../../src/config/integration-keys.ts'
import { keyOf } from '../../src/config/keys.ts'
import { VARIABLES } from '../../src/config.ts'
import { ConfigRule, type Variable } from '../../src/environment.ts'

const MACHINE = { cores: 2, terminal: false }

const parsed = ({ parse }: Variable<unknown>, text: string): unknown => {
  try {
    return parse(text, MACHINE)
  } catch (error) {
    return error
  }
}

/** A parser tells its kind by the rule that it says, and by what it makes of its default. */
const typeOf = (variable: Variable<unknown>): string => {
  const broken = parsed(variable, '\0')
  const rule = broken instanceof ConfigRule ? broken.message : ''
  const [, words] = /^expected one of (.+)$/.exec(rule) ?? []
  const union = new Set([...(words?.split(', ') ?? []), ...(variable.fallback === 'auto' ? ['auto'] : [])])
  if (words !== undefined) return [...union].map(word => `'${word}'`).join(' | ')
  if (rule === 'expected 1 or 0') return 'boolean'
  const usual = parsed(variable, variable.fallback ?? '\0')
  const isList = / separated by commas$/.test(rule) || Array.isArray(usual) || usual instanceof Set
  if (isList) return 'string | readonly (string | number)[]'
  if (/^expected a (whole )?number/.test(rule)) return variable.fallback === 'cores' ? "number | 'cores'" : 'number'
  return 'string'
}

/** `'strict', true` and numbers are the values themselves. */
const typeOfValues = (values: string): string => {
  const parts = values.split(', ')
  if (parts.every(part => /^('[\w-]+'|true|false|\d+)$/.test(part))) return parts.join(' | ')
  return /^(failures|ms)$/.test(values) ? 'number' : 'string'
}

interface Leaf {
  readonly type: string
  readonly doc: string
}
interface Section {
  [name: string]: Section | Leaf
}

const isLeaf = (found: Section | Leaf): found is Leaf => typeof found.doc === 'string'

const put = (root: Section, key: string, leaf: Leaf): void => {
  const names = key.split('.')
  const last = names.pop() as string
  let section = root
  for (const name of names) {
    section[name] ??= {}
    section = section[name] as Section
  }
  section[last] = leaf
}

const printed = (section: Section, indent: string): string =>
  Object.entries(section)
    .map(([name, found]) =>
      isLeaf(found)
        ? `${indent}/** ${found.doc} */\n${indent}readonly ${name}?: ${found.type}\n`
        : `${indent}readonly ${name}?: {\n${printed(found, `${indent}  `)}${indent}}\n`,
    )
    .join('')

export const printConfigType = (): string => {
  const root: Section = {}
  for (const variable of Object.values(VARIABLES) as readonly Variable<unknown>[]) {
    const { env, doc, fallback } = variable
    const usual = fallback === undefined || fallback === '' ? '' : ` Default: ${fallback}.`
    put(root, keyOf(variable), { type: typeOf(variable), doc: `${env}. ${doc}${usual}` })
  }
  for (const { key, values, about } of INTEGRATION_KEYS)
    if (values !== 'none') put(root, key, { type: typeOfValues(values), doc: about })
  return `/** Printed by \`npm run docs\` from the variables; a test fails when it is stale. */

/** What \`matrix.config.ts\` may say; the environment wins. */
export interface MatrixConfig {
${printed(root, '  ')}}

/** Says nothing of its own: editors know what there is, and a wrong key does not compile. */
export const defineConfig = (config: MatrixConfig): MatrixConfig => config
`
}
