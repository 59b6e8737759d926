import { type Command, InvalidArgumentError } from 'commander'
import { optionsOf, print } from '../client.ts'
import { type Finding, runSuites, SUITE_NAMES, type Suite } from '../conformance/run.ts'
import { CliFailure } from '../failure.ts'
import { findUrl, readAdminKey } from '../target.ts'

const suites = (text: string): readonly Suite[] =>
  text.split(',').map(name => {
    const known = SUITE_NAMES.find(suite => suite === name)
    if (known === undefined) throw new InvalidArgumentError(`Expected ${SUITE_NAMES.join(', ')}.`)
    return known
  })

const receiver = (text: string): string => {
  if (!/^https?:/.test(text) || !URL.canParse(text)) throw new InvalidArgumentError('Expected a URL that leads here.')
  return text
}

const lineOf = ({ suite, check, result, why }: Finding): string =>
  `${result.padEnd(9)}  ${suite.padEnd(13)}  ${check}${why === undefined ? '' : `\n           ${why}`}`

export const test = (program: Command): void => {
  program
    .command('test')
    .description(
      'Whether a gateway keeps its word, asked from outside with the key of an administrator; exit 1 where it does not',
    )
    .argument('[url]', 'the gateway, in place of --url')
    .option('--suite <names>', `by comma: ${SUITE_NAMES.join(', ')}`, suites, SUITE_NAMES)
    .option(
      '--receiver <url>',
      'where the gateway reaches this machine, on a port that is free here; else the loopback',
      receiver,
    )
    .action(async (url: string | undefined, own: { suite: readonly Suite[]; receiver?: string }, command: Command) => {
      const options = optionsOf(command)
      const target = { url: await findUrl(url === undefined ? options : { ...options, url }), receiver: own.receiver }
      const admin = options.key ?? (await readAdminKey(options.data))
      const tell = (finding: Finding): void => (options.json ? undefined : console.log(lineOf(finding)))
      const findings = await runSuites({ ...target, admin, suites: own.suite }, tell).catch(error => {
        throw new CliFailure(3, 'not-testable', `It could not be prepared: ${error.message}`)
      })
      const count = (result: Finding['result']): number => findings.filter(one => one.result === result).length
      const broken = count('broken')
      print(options, { holds: count('holds'), broken, not_tried: count('not tried'), findings }, sums =>
        [
          `${sums.holds} hold, ${broken} are broken`,
          ...(sums.not_tried ? [`${sums.not_tried} were not tried`] : []),
        ].join(', '),
      )
      if (broken > 0) throw new CliFailure(1, 'broken', `${broken} of ${findings.length} checks are broken.`)
    })
}
