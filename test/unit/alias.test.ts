/** What a name of an asset in another system may look like. */
import { describe, expect, test } from 'vitest'
import { Aliases, AliasesText } from '../../src/http/alias-names.ts'
import { EXTERNAL_ID, namesPerson, orderedAliases } from '../../src/model/alias.ts'

describe('an id of another system', () => {
  test.each([
    ['4711', true],
    ['IMG 0001.tif', true],
    ['a/b?c#d%', true],
    ['Bär-Ü', true],
    ['資産', true],
    ['x'.repeat(200), true],
    ['...', true],
    ['x'.repeat(201), false],
    ['', false],
    ['.', false],
    ['..', false],
    [' a', false],
    ['a ', false],
    ['a\nb', false],
    ['a\0', false],
    ['a\u200bb', false],
    ['a\u202eb', false],
    ['\ud800', false],
  ])('%j: %s', (text, fits) => {
    expect(EXTERNAL_ID.test(text)).toBe(fits)
  })

  test.each([
    ['ada@example.org', true],
    ['photos of ada.b+c@mail.example.co.uk, 2020', true],
    ['Ünal@bücher.example', true],
    ['mailto:ada', true],
    ['tel:110', true],
    ['+49 30 1234567', true],
    ['+1 (555) 010-9999', true],
    ['icon@2x.png', false],
    ['icon@1.5x.png', false],
    ['0012345678905', false],
    ['+4711', false],
    ['@handle', false],
    ['team@work', false],
    ['4711-2020.01', false],
  ])('%j is of a person: %s', (text, isPersonal) => {
    expect(namesPerson(text)).toBe(isPersonal)
  })
})

describe('several', () => {
  const erp = { namespace: 'erp', externalId: '4711' }
  const dam = { namespace: 'dam', externalId: 'a,b:c%' }

  test('are each there once, in one order whoever says them', () => {
    expect(orderedAliases([erp, dam, erp])).toEqual([dam, erp])
    expect(orderedAliases([dam, erp])).toEqual([dam, erp])
  })

  test('are said in one text, and in JSON', () => {
    expect(AliasesText.parse('erp:4711,dam:a%2Cb:c%25')).toEqual([dam, erp])
    expect(
      Aliases.parse([
        { namespace: 'erp', external_id: '4711' },
        { namespace: 'dam', external_id: 'a,b:c%' },
      ]),
    ).toEqual([dam, erp])
  })

  test('one that is composed is the one that is not', () => {
    expect(AliasesText.parse('erp:u%CC%88')).toEqual(AliasesText.parse('erp:%C3%BC'))
  })

  test.each(['erp', ':1', 'erp:', 'Erp:1', 'alias:x', 'erp:%', 'erp:1,', 'erp:ada@example.org', ''])(
    '%j is refused',
    text => {
      expect(AliasesText.safeParse(text).success).toBe(false)
    },
  )

  test('no more than fifty are taken at once', () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => `erp:${n}`).join(',')
    expect(AliasesText.safeParse(many(50)).success).toBe(true)
    expect(AliasesText.safeParse(many(51)).success).toBe(false)
  })
})
