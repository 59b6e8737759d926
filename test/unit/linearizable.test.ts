/** The checker itself: it finds the order where there is one, and says so where there is none. */
import { describe, expect, test } from 'vitest'
import { linearize } from '../support/linearizable.ts'
import { type PointerInput, type PointerOperation, type PointerOutput, pointerModel } from '../support/pointer-model.ts'

const model = pointerModel([1])
const publish = (version: number, ifMatch?: number): PointerInput => ({ act: 'publish', version, ifMatch })
const READ: PointerInput = { act: 'read' }
const at = (version: number, publication: number): PointerOutput => ({ is: 'at', version, publication })
const did = (
  input: PointerInput,
  output: PointerOutput | undefined,
  [calledAt, returnedAt]: [number, number],
): PointerOperation => ({ input, output, calledAt, returnedAt })

describe('there is an order', () => {
  test.each<[string, PointerOperation[]]>([
    ['nothing', []],
    ['one after the other', [did(publish(2), at(2, 2), [0, 1]), did(READ, at(2, 2), [2, 3])]],
    [
      'a read beside a publish sees either',
      [did(publish(2), at(2, 2), [0, 9]), did(READ, at(1, 1), [1, 2]), did(READ, at(2, 2), [3, 4])],
    ],
    ['what was called last came first', [did(publish(2), at(2, 3), [0, 9]), did(publish(3), at(3, 2), [1, 8])]],
    [
      'of two with one tag one has lost',
      [did(publish(2, 1), { is: 'refused' }, [0, 9]), did(publish(3, 1), at(3, 2), [1, 8])],
    ],
    ['the current version again is no publication', [did(publish(1), at(1, 1), [0, 1])]],
    [
      'back, and back again',
      [
        did(publish(2), at(2, 2), [0, 1]),
        did({ act: 'back' }, at(1, 3), [2, 3]),
        did({ act: 'back' }, at(2, 4), [4, 5]),
      ],
    ],
    [
      'nobody heard, and it happened',
      [did(publish(2), undefined, [0, Number.POSITIVE_INFINITY]), did(READ, at(2, 2), [5, 6])],
    ],
    [
      'nobody heard, and it did not',
      [did(publish(2), undefined, [0, Number.POSITIVE_INFINITY]), did(READ, at(1, 1), [5, 6])],
    ],
  ])('%s', (_what, history) => {
    expect(linearize(model, history)).toBeDefined()
  })
})

describe('there is none', () => {
  test.each<[string, PointerOperation[]]>([
    ['a stale read after an acknowledged publish', [did(publish(2), at(2, 2), [0, 1]), did(READ, at(1, 1), [2, 3])]],
    ['a read of what nobody published', [did(READ, at(2, 2), [0, 1])]],
    [
      'two reads that saw it go back',
      [did(publish(2), at(2, 2), [0, 9]), did(READ, at(2, 2), [1, 2]), did(READ, at(1, 1), [3, 4])],
    ],
    ['two publishes with one number', [did(publish(2), at(2, 2), [0, 9]), did(publish(3), at(3, 2), [1, 8])]],
    ['a tag that no longer held', [did(publish(2), at(2, 2), [0, 1]), did(publish(3, 1), at(3, 3), [2, 3])]],
    ['a refusal of a tag that held', [did(publish(2, 1), { is: 'refused' }, [0, 1])]],
    [
      'seen before it was called',
      [did(READ, at(2, 2), [0, 1]), did(publish(2), undefined, [2, Number.POSITIVE_INFINITY])],
    ],
  ])('%s', (_what, history) => {
    expect(linearize(model, history)).toBeUndefined()
  })
})
