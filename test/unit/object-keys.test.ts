import { describe, expect, it } from 'vitest'
import { derivativeKey, derivativesPrefix, originalKey, originalsPrefix } from '../../src/objects/keys.ts'

const sha = 'ab'.padEnd(64, '0')

describe('object keys', () => {
  it('are content addresses by tenant', () => {
    expect(originalKey('acme', sha)).toBe(`t/acme/o/ab/${sha}`)
    expect(derivativeKey('acme', sha)).toBe(`t/acme/d/ab/${sha}`)
    expect(originalKey('acme', sha).startsWith(originalsPrefix('acme'))).toBe(true)
    expect(derivativeKey('acme', sha).startsWith(derivativesPrefix('acme'))).toBe(true)
  })

  it.each(['', '../x', 'a/b', 'Acme', 'x'.repeat(41)])('are not made of tenant %j', tenant => {
    expect(() => originalKey(tenant, sha)).toThrow(expect.objectContaining({ code: 'internal' }))
  })

  it.each(['', 'ab', sha.toUpperCase(), `${sha}0`])('are not made of digest %j', digest => {
    expect(() => derivativeKey('acme', digest)).toThrow(expect.objectContaining({ code: 'internal' }))
  })
})
