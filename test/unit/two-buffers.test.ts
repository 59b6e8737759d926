import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openTwoBuffers } from '../../src/ingest/two-buffers.ts'

const chunksOf = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 })

test('what is cut is kept in its order and as it was, one after the other, while the next is added', async () => {
  await fc.assert(
    fc.asyncProperty(chunksOf, fc.integer({ min: 1, max: 16 }), async (chunks, size) => {
      const buffers = openTwoBuffers(() => size)
      const kept: Buffer[] = []
      let keeping = 0
      const keep = async (bytes: Buffer): Promise<void> => {
        keeping++
        expect(keeping).toBe(1)
        await new Promise(resolve => setImmediate(resolve))
        kept.push(Buffer.from(bytes)) // as it is by now: nothing has been written over it meanwhile
        keeping--
      }
      for (const chunk of chunks)
        for (let rest: Uint8Array = chunk; rest.length > 0; ) {
          rest = buffers.add(rest)
          if (buffers.isFull()) await buffers.cut(keep)
        }
      await buffers.kept()
      expect(Buffer.concat([...kept, buffers.held()])).toEqual(Buffer.concat(chunks))
    }),
    { numRuns: 100 },
  )
})

test('after one that could not be kept nothing is', async () => {
  const buffers = openTwoBuffers(() => 4)
  const kept: string[] = []
  const keep = async (bytes: Buffer): Promise<void> => {
    if (kept.length === 1) throw new Error('the disk is full')
    kept.push(bytes.toString())
  }
  const add = async (text: string): Promise<void> => {
    buffers.add(Buffer.from(text))
    await buffers.cut(keep)
  }
  await add('one ')
  await add('two ')
  await expect(add('more')).rejects.toThrow('the disk is full')
  await expect(buffers.kept()).rejects.toThrow('the disk is full')
  expect(kept).toEqual(['one '])
})
