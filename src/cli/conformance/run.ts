/** The suites, one check after the other: each says whether it holds, or why not. */
import { authorisation } from './authorisation.ts'
import { contract } from './contract.ts'
import { idempotency } from './idempotency.ts'
import { ordering } from './ordering.ts'
import { signature } from './signature.ts'
import { type Check, NotTried, openWorld, Violation, type World } from './world.ts'

export const SUITES = { contract, idempotency, ordering, authorisation, signature } as const satisfies Readonly<
  Record<string, readonly Check[]>
>
export type Suite = keyof typeof SUITES
export const SUITE_NAMES = Object.keys(SUITES) as Suite[]

export interface Finding {
  readonly suite: Suite
  readonly check: string
  readonly result: 'holds' | 'broken' | 'not tried'
  readonly why?: string
}

const judge = async (check: Check, world: World): Promise<Pick<Finding, 'result' | 'why'>> => {
  try {
    await check.run(world)
    return { result: 'holds' }
  } catch (error) {
    if (error instanceof NotTried) return { result: 'not tried', why: error.message }
    // An answer that cannot even be read as what it should be is none that conforms.
    const why = error instanceof Violation ? error.message : `it could not be asked: ${(error as Error).message}`
    return { result: 'broken', why }
  }
}

export const runSuites = async (
  options: Pick<World, 'url' | 'admin' | 'receiver'> & { readonly suites?: readonly Suite[] },
  tell: (finding: Finding) => void = () => undefined,
): Promise<readonly Finding[]> => {
  const world = await openWorld(options)
  const findings: Finding[] = []
  try {
    for (const suite of options.suites ?? SUITE_NAMES) {
      for (const check of SUITES[suite]) {
        const finding = { suite, check: check.name, ...(await judge(check, world)) }
        findings.push(finding)
        tell(finding)
      }
    }
  } finally {
    await world.close()
  }
  return findings
}
