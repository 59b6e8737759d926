/** `matrix upload`, as a shell runs it: interrupted, run again, and to the end of its renditions. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { TusRefusal, tusUpload } from '../../src/sdk/index.ts'
import { openSocketClient } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { startRelay } from '../support/relay.ts'
import { spawnProgram } from '../support/started.ts'
import { type System, startSystem } from '../support/system.ts'

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let root: string
beforeAll(async () => {
  system = await startSystem()
  socket = await openSocketClient(system)
  root = await mkdtemp(join(tmpdir(), 'matrix-upload-'))
})
afterAll(async () => {
  await socket.close()
  await system.close()
  await rm(root, { recursive: true, force: true })
})

const start = (address: string, ...args: string[]) =>
  spawnProgram(
    'src/cli/main.js',
    { HOME: root, ASSET_MATRIX_URL: address, ASSET_MATRIX_KEY: system.keys['shop-web'] },
    { cwd: root, args },
  )
const run = async (...args: string[]) => {
  const started = start(socket.address, ...args)
  const code = await started.ended
  return { code, output: started.output().trim() }
}
const begun = (): Promise<string[]> => readdir(join(root, '.cache/asset-matrix/uploads')).catch(() => [])

test('a picture is stored, and what is made of it is waited for', async () => {
  await writeFile(join(root, 'one.jpg'), await photo({ width: 300, height: 200 }))
  const { code, output } = await run('upload', 'one.jpg', '--label', 'summer')
  expect(output).toMatch(/^[0-9a-f-]{36} {2}v1 {2}ACTIVE {2}(\d+) of \1 renditions$/)
  expect(code).toBe(0)
  expect(await begun()).toEqual([])
  const again = JSON.parse((await run('--json', 'upload', 'one.jpg', '--no-wait')).output) as object
  expect(again).toMatchObject({ file: 'one.jpg', version: 1, digest: expect.stringMatching(/^sha256:/) })
  expect(again).not.toHaveProperty('state')
})

test('interrupted at any byte, the same command goes on and sends what is missing', async () => {
  const bytes = randomBytes(20_000_000)
  await writeFile(join(root, 'large.bin'), bytes)
  // Slow enough to be interrupted: it lets so much through and then no more.
  let passed = 0
  let stop: () => void = () => undefined
  const enough = new Promise<void>(resolve => {
    stop = resolve
  })
  const relay = await startRelay({
    connect: () => connect(socket.port, '127.0.0.1'),
    listen: () => chunk => {
      passed += chunk.length
      if (passed > 9_000_000) stop()
    },
  })
  const through = `http://127.0.0.1:${relay.port}`
  const first = start(through, 'upload', 'large.bin')
  await enough
  expect(await first.end('SIGINT')).toBe(1)
  expect(first.output()).toContain('the same command goes on where this ended')
  expect(await begun()).toHaveLength(1)
  passed = 0
  const second = start(through, '--json', 'upload', 'large.bin')
  expect(await second.ended).toBe(0)
  expect(JSON.parse(second.output())).toMatchObject({
    digest: `sha256:${sha256Hex(bytes)}`,
    state: 'ACTIVE',
    version: 1,
  })
  expect(passed).toBeLessThan(17_000_000)
  expect(await begun()).toEqual([])
  await relay.close()
})

test('what is refused is said, and what was begun is forgotten', async () => {
  await writeFile(join(root, 'drawing.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  expect(await run('upload', 'drawing.svg')).toEqual({ code: 1, output: 'unsupported-media: SVG is not accepted.' })
  expect(await begun()).toEqual([])
  const elsewhere = await run('upload', 'drawing.svg', '--collection', 'nothing')
  expect(elsewhere).toMatchObject({ code: 1, output: expect.stringContaining('not-found') })
  expect(await run('upload', 'missing.jpg')).toMatchObject({ code: 2 })
})

test('the client of the SDK goes on after broken connections, and gives up where it does not get on', async () => {
  const bytes = randomBytes(12_000_000)
  let passed = 0
  const relay = await startRelay({
    connect: () => connect(socket.port, '127.0.0.1'),
    listen: () => {
      let here = 0
      return chunk => {
        passed += chunk.length
        here += chunk.length
        // Each connection ends in the middle of a piece.
        if (here > 5_000_000) relay.cut()
      }
    },
  })
  const options = {
    endpoint: `http://127.0.0.1:${relay.port}/v1/tus`,
    headers: { Authorization: `Bearer ${system.keys['shop-web']}` },
    metadata: { collection: 'product-photo' },
    source: {
      bytes: bytes.length,
      open: (from: number) => new Blob([new Uint8Array(bytes.subarray(from))]).stream() as ReadableStream<Uint8Array>,
    },
  }
  const seen: number[] = []
  const headers = await tusUpload({ ...options, onProgress: sent => seen.push(sent) })
  expect(headers.get('matrix-digest')).toBe(`sha256:${sha256Hex(bytes)}`)
  expect(Math.max(...seen)).toBe(bytes.length)
  expect(passed).toBeGreaterThan(bytes.length)
  await relay.close()
  await expect(tusUpload({ ...options, patienceMs: 100 })).rejects.toBeInstanceOf(TusRefusal)
})
