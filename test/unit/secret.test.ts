/** API keys are recognisable, and what cannot be one is known without a look-up. */
import { expect, test } from 'vitest'
import { isMatrixError } from '../../src/model/errors.ts'
import { hashSecret, isWellFormedSecret, newSecret } from '../../src/model/ids.ts'
import { presented } from '../../src/policy/authenticate.ts'

const refusal = (authorization: string): unknown => {
  try {
    return presented(authorization)
  } catch (error) {
    return error
  }
}

test('a new key has its prefix and its checksum, and is like no other', () => {
  const secrets = Array.from({ length: 200 }, newSecret)
  expect(new Set(secrets).size).toBe(200)
  for (const secret of secrets) {
    expect(secret).toMatch(/^mtx_live_[0-9A-Za-z]{46}$/)
    expect(isWellFormedSecret(secret)).toBe(true)
  }
})

test('one character changed, dropped, added or moved is noticed', () => {
  const secret = newSecret()
  const other = (char: string): string => (char === 'a' ? 'b' : 'a')
  for (let at = 9; at < secret.length; at++) {
    const changed = secret.slice(0, at) + other(secret[at] as string) + secret.slice(at + 1)
    expect(isWellFormedSecret(changed), changed).toBe(false)
    expect(isWellFormedSecret(secret.slice(0, at) + secret.slice(at + 1))).toBe(false)
    expect(isMatrixError(refusal(`Bearer ${changed}`), 'unauthenticated')).toBe(true)
  }
  expect(isWellFormedSecret(`${secret}a`)).toBe(false)
})

test('a good one is known by its hash alone', () => {
  const secret = newSecret()
  expect(presented(`bearer ${secret}`)?.secretHash).toBe(hashSecret(secret))
})
