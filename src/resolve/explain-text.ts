/** An explanation for people to read. */
import { leafNameOf } from '../model/delivery-path.ts'
import type { ExplainedStep, ExplainQuestion } from './explain-types.ts'

const inWords = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** A list stands below its name, an item a line: the rules, and the nodes. */
const lines = ({ step, result, us }: ExplainedStep, width: number): string[] => {
  const head = (text: string): string => `  ${step.padEnd(width)}  ${text}  (${us} us)`
  if (Array.isArray(result)) return [head(String(result.length)), ...result.map(item => `    ${inWords(item)}`)]
  if (typeof result !== 'object' || result === null || !('rules' in result)) return [head(inWords(result))]
  const { rules, ...rest } = result as { rules: readonly { rule: string; result: string }[] }
  return [head(inWords(rest)), ...rules.map(one => `    ${one.rule.padEnd(24)} ${one.result}`)]
}

export const renderExplanation = (
  { product, asset, format, ...named }: Pick<ExplainQuestion, 'product' | 'asset' | 'rendition' | 'dpr' | 'format'>,
  steps: readonly ExplainedStep[],
  { outcome, status }: { outcome: string; status: number },
): string => {
  const width = Math.max(...steps.map(({ step }) => step.length))
  const head = `resolve ${product}/${leafNameOf(named)} (${format}) of ${asset}`
  return [head, ...steps.flatMap(step => lines(step, width)), `=> ${status} ${outcome}`].join('\n')
}
