/** The table that people read: nothing that narrows or widens an edge is left out of it. */
import { expect, test } from 'vitest'
import { type Cell, markdownTable, ownershipTable, textTable, wordsOf } from '../../src/cli/ownership-table.ts'

const cell = (said: Partial<Cell> = {}): Cell => ({
  product: 'shop',
  role: 'reader',
  original_access: false,
  visibility: 'private',
  holds: 'now',
  ...said,
})

test.each([
  [{}, 'reader'],
  [{ role: 'owner', original_access: true, private_metadata: true }, 'owner, original, private metadata'],
  [{ visibility: 'public', expires_at: '2026-12-01T00:00:00.000Z' }, 'reader, public, until 2026-12-01'],
  [{ not_before: '2026-12-01T08:30:00.000Z', holds: 'later' as const }, 'reader, from 2026-12-01T08:30:00Z'],
  [{ expires_at: '2026-01-01T00:00:00.000Z', holds: 'over' as const }, 'reader, OVER, until 2026-01-01'],
  [
    {
      conditions: {
        media_types: ['image/*', 'video/*'],
        labels: { all: ['a', 'b'], any: ['c', 'd'] },
        networks: ['10.0.0.0/8', '::1'],
      },
    },
    'reader, image/*|video/*, labels a+b, labels c|d, in 10.0.0.0/8|::1',
  ],
])('%o is %s', (said, words) => {
  expect(wordsOf(cell(said)).join(', ')).toBe(words)
})

const TABLE = ownershipTable([
  {
    collection: 'gallery',
    owner: 'shop',
    edges: [
      cell({ role: 'owner', original_access: true }),
      cell({ product: 'partner', conditions: { media_types: ['image/*', 'video/*'] } }),
    ],
    single_assets: [{ product: 'guest', role: 'reader', assets: 1 }],
  },
  {
    collection: 'press',
    owner: 'partner',
    edges: [cell({ product: 'partner', role: 'owner' })],
    single_assets: [{ product: 'partner', role: 'none', assets: 2 }],
  },
])

test('products down, collections across', () => {
  expect(`\n${textTable(TABLE)}\n`).toBe(`
product  gallery          press
-------  ---------------  --------------
guest    1 asset: reader  .
-------  ---------------  --------------
partner  reader           owner
         image/*|video/*  2 assets: none
-------  ---------------  --------------
shop     owner            .
         original
`)
})

test('as Markdown, whose bars are escaped', () => {
  expect(markdownTable(TABLE)).toBe(
    [
      '| product | gallery | press |',
      '| --- | --- | --- |',
      '| guest | 1 asset: reader |  |',
      '| partner | reader, image/*\\|video/* | owner, 2 assets: none |',
      '| shop | owner, original |  |',
    ].join('\n'),
  )
})
