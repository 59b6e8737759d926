import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { parse } from 'yaml'
import { answerCase, type CaseResult, edgesOfFile, PolicyCases, questionOfCase } from '../../policy/cases.ts'
import { call, type GlobalOptions, jsonRequest, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'

interface Tested {
  readonly passed: number
  readonly failed: number
  readonly results: readonly CaseResult[]
}

/** YAML, of which JSON is a part. */
const readCases = async (file: string): Promise<PolicyCases> => {
  const text = await readFile(file, 'utf8').catch(error => {
    throw new CliFailure(2, 'no-file', `${file} cannot be read: ${error.code}`)
  })
  let written: unknown
  try {
    written = parse(text)
  } catch (error) {
    throw new CliFailure(2, 'invalid-file', `${file} is not YAML: ${(error as Error).message}`)
  }
  const parsed = PolicyCases.safeParse(written)
  if (parsed.success) return parsed.data
  const places = parsed.error.issues
    .map(({ path, message }) => `\n  /${path.map(String).join('/')}: ${message}`)
    .join('')
  throw new CliFailure(2, 'invalid-file', `${file} does not hold cases:${places}`)
}

const answerHere = ({ cases, edges = [] }: PolicyCases): Tested => {
  const results = cases.map(one =>
    answerCase(one, questionOfCase(one, { edges: edgesOfFile(edges, one) }, { tenant: 'file', now: Date.now() })),
  )
  const failed = results.filter(({ passed }) => !passed).length
  return { passed: results.length - failed, failed, results }
}

const answerLive = async (options: GlobalOptions, cases: PolicyCases): Promise<Tested> =>
  (await (await call(options, '/v1/policy/test', jsonRequest('POST', cases))).json()) as Tested

/** What was expected and what came, and the rules up to the one that decided. */
const difference = ({ name, expected, effect, rule, trail }: CaseResult): string => {
  const asked = trail.slice(0, trail.findIndex(({ result }) => result === effect) + 1)
  return [
    `FAILED  ${name}`,
    `  - ${expected.effect}${expected.rule === undefined ? '' : `  by ${expected.rule}`}`,
    `  + ${effect}  by ${rule}`,
    `    ${asked.map(step => `${step.rule}: ${step.result}`).join(', ')}`,
  ].join('\n')
}

const report = ({ results }: Tested): string =>
  results.map(result => (result.passed ? `ok      ${result.name}` : difference(result))).join('\n')

export const policy = (program: Command): void => {
  const group = program.command('policy').description('Whether the matrix says what it should')

  group
    .command('test')
    .description('Ask the cases of a file: exit code 1 when an answer is not the one that is expected')
    .argument('<file>', 'cases in YAML or JSON; see docs/access.md')
    .addHelpText(
      'after',
      '\nA file with edges of its own is answered here, without a gateway; others are put to the live matrix.',
    )
    .action(async (file: string, _own: object, command: Command) => {
      const options = optionsOf(command)
      const cases = await readCases(file)
      const tested = cases.edges ? answerHere(cases) : await answerLive(options, cases)
      print(options, tested, report)
      const { passed, failed } = tested
      if (failed > 0) throw new CliFailure(1, 'cases-failed', `${failed} of ${passed + failed} cases failed`)
    })
}
