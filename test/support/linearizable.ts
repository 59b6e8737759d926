/**
 * Is there one order of these operations, each at some moment between its call and its return, in which a sequential model gives
 * what they gave? Wing and Gong's search with Lowe's memory: a set of operations that led to a state before leads nowhere new.
 * Exponential in how much overlaps, at worst; histories of ours say their state with most outputs, so one look ahead decides.
 */

export interface Operation<Input, Output> {
  readonly input: Input
  /** `undefined`: nobody heard what became of it. It may have happened at any time after its call, or never. */
  readonly output: Output | undefined
  readonly calledAt: number
  /** Infinity where nobody heard. */
  readonly returnedAt: number
}

export interface Model<State, Input, Output> {
  readonly initial: State
  /** What the operation does and gives, one at a time. */
  readonly step: (state: State, input: Input) => { readonly state: State; readonly output: Output }
  /** Equal states have equal names, and equal outputs have. */
  readonly nameOf: (value: State | Output) => string
}

/** The operations in such an order; `undefined` where there is none. */
export const linearize = <State, Input, Output>(
  { initial, step, nameOf }: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
): readonly Operation<Input, Output>[] | undefined => {
  const operations = [...history].sort((one, other) => one.calledAt - other.calledAt)
  const heard = operations.filter(({ output }) => output !== undefined).length
  const done = new Array<boolean>(operations.length).fill(false)
  const been = new Set<string>()

  /** Any that was called before the first of those left returned: none of these is known to be later than another. */
  const candidates = (): number[] => {
    const left = operations.flatMap((operation, index) => (done[index] ? [] : [{ ...operation, index }]))
    const firstReturn = left.reduce((least, { returnedAt }) => Math.min(least, returnedAt), Number.POSITIVE_INFINITY)
    return left.filter(({ calledAt }) => calledAt <= firstReturn).map(({ index }) => index)
  }

  interface Place {
    readonly state: State
    readonly untried: number[]
    /** Which one led here. */
    readonly by: number | undefined
  }
  const path: Place[] = [{ state: initial, untried: candidates(), by: undefined }]
  for (;;) {
    const here = path.at(-1)
    if (here === undefined) return undefined
    const taken = path.flatMap(({ by }) => (by === undefined ? [] : [by]))
    if (taken.filter(index => operations[index]?.output !== undefined).length === heard)
      return taken.flatMap(index => operations[index] ?? [])
    const next = here.untried.shift()
    const operation = next === undefined ? undefined : operations[next]
    if (next === undefined || operation === undefined) {
      if (here.by !== undefined) done[here.by] = false
      path.pop()
      continue
    }
    const { state, output } = step(here.state, operation.input)
    if (operation.output !== undefined && nameOf(output) !== nameOf(operation.output)) continue
    done[next] = true
    const name = `${done.map(Number).join('')} ${nameOf(state)}`
    if (been.has(name)) done[next] = false
    else {
      been.add(name)
      path.push({ state, untried: candidates(), by: next })
    }
  }
}
