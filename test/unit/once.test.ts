import { expect, test } from 'vitest'
import { once } from '../../src/lib/once.ts'

test('is made when it is asked for, once, whatever it is', () => {
  let made = 0
  const nothing = once(() => {
    made++
    return undefined
  })
  expect(made).toBe(0)
  expect([nothing(), nothing()]).toEqual([undefined, undefined])
  expect(made).toBe(1)
})

test('what fails is tried again', () => {
  let tries = 0
  const second = once(() => {
    if (++tries === 1) throw new Error('not yet')
    return {}
  })
  expect(second).toThrow('not yet')
  expect(second()).toBe(second())
})
