/** Renditions from a shell: which are to go, until when, and back to an older recipe. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runMatrix, type StartedGateway, startGateway } from '../support/started.ts'

let gateway: StartedGateway
let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'matrix-rendition-'))
  gateway = await startGateway({}, root)
})
afterAll(async () => {
  await gateway.end('SIGINT')
  await rm(root, { recursive: true, force: true })
})
const place = ['avatar', 'mobile', 'face']
const matrix = (...args: string[]) => runMatrix(root, args)

test('rendition takes a revision back, says until when one is there, and lists them', async () => {
  const key = (await readFile(join(root, '.data/admin.key'), 'utf8')).trim()
  const path = `${gateway.address}/v1/collections/avatar/products/mobile/renditions/face`
  const put = await fetch(path, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ recipe: { resize: { width: 21 }, formats: ['jpeg'] } }),
  })
  expect(put.status).toBe(201)
  const back = await matrix('rendition', 'rollback', ...place, '--watch')
  expect(back).toMatchObject({ code: 0 })
  expect(back.out).toMatch(/^mobile\/face {2}r1 {2}eager {2}active\n0 outputs are there, 0 are to be made/)
  expect(back.out).toContain('SUCCEEDED')
  const again = await matrix('rendition', 'rollback', ...place, '--to', '2', '--if-match', '"r1"', '--json')
  expect(JSON.parse(again.out)).toMatchObject({ revision: 2, state: 'active' })
  expect(await matrix('rendition', 'rollback', ...place, '--if-match', '"r1"')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^precondition-failed: /),
  })

  expect((await matrix('rendition', 'list', 'avatar', '--deprecated')).out).toBe('There are none.')
  const said = await matrix('rendition', 'deprecate', ...place, '--sunset', '2999-01-01')
  expect(said.out).toMatch(
    /^mobile\/face {2}r2 {2}eager {2}deprecated {2}since \S+Z {2}until 2999-01-01T00:00:00\.000Z$/,
  )
  expect((await matrix('rendition', 'list', 'avatar', '--product', 'mobile', '--deprecated')).out).toBe(said.out)
  expect(await matrix('rendition', 'deprecate', ...place)).toMatchObject({ code: 2 })
  expect((await matrix('rendition', 'deprecate', ...place, '--undo')).out).toBe('mobile/face  r2  eager  active')
  expect((await matrix('rendition', 'list', 'avatar')).out).toContain('mobile/face  r2  eager  active')
})
