/** Uploads from a page of another origin, in a real browser: preflights, what the page may read, and going on after a lost connection. */
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, connect } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { openSocketClient } from '../support/http.ts'
import { type Relay, startRelay } from '../support/relay.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const executablePath = (process.env.PATH ?? '')
  .split(delimiter)
  .map(folder => join(folder, 'chromium'))
  .find(existsSync)
const missing = executablePath === undefined ? ' (skipped: no chromium on PATH)' : ''
const main = createRequire(import.meta.url).resolve('tus-js-client')
const CLIENT = readFileSync(join(dirname(main), '../../dist/tus.min.js'))

/** In the page: bytes that both sides know, sent by the client as it is published for browsers. */
const UPLOAD = `(({ endpoint, key, length }) => new Promise(resolve => {
  const bytes = new Uint8Array(length).map((_, n) => (n * 31 + (n >> 8)) & 255)
  new tus.Upload(new File([bytes], 'from-a-page.bin'), {
    endpoint, headers: { Authorization: 'Bearer ' + key }, retryDelays: [50, 100, 200, 400],
    metadata: { collection: 'product-photo', filename: 'from-a-page.bin' },
    onError: error => resolve({ error: String(error) }),
    onSuccess: ({ lastResponse }) => resolve({ digest: lastResponse.getHeader('Matrix-Digest') }),
  }).start()
}))`
const bytesOf = (length: number): Uint8Array => new Uint8Array(length).map((_, n) => (n * 31 + (n >> 8)) & 255)

describe.skipIf(missing)(`a page in a browser${missing}`, { timeout: 120_000 }, () => {
  let system: System
  let socket: Awaited<ReturnType<typeof openSocketClient>>
  let relay: Relay
  let browser: Browser
  let cutAfter = Number.POSITIVE_INFINITY
  const pages = createServer(({ url }, response) => {
    const isScript = url === '/tus.js'
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? CLIENT : '<!doctype html><script src="/tus.js"></script>')
  })

  beforeAll(async () => {
    system = await startSystem({ worker: false })
    socket = await openSocketClient(system)
    relay = await startRelay({
      connect: () => connect(socket.port, '127.0.0.1'),
      listen: () => chunk => {
        cutAfter -= chunk.length
        if (cutAfter > 0) return
        cutAfter = Number.POSITIVE_INFINITY
        relay.cut()
      },
    })
    await new Promise<void>(resolve => pages.listen(0, '127.0.0.1', resolve))
    const args = ['--no-sandbox']
    browser = await chromium.launch({ ...(executablePath && { executablePath }), args, timeout: 60_000 })
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    pages.close()
    await relay?.close()
    await socket?.close()
    await system?.close()
  })

  const origin = (): string => `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  const allow = async (origins: readonly string[]): Promise<void> => {
    const headers = { 'If-Match': '*' }
    const body = { display_name: 'Shop', origins }
    const response = await system.call('PUT', '/v1/products/shop-web', { key: ADMIN_KEY, headers, body })
    expect(response.ok, await response.text()).toBe(true)
  }
  const upload = async (length: number): Promise<{ digest?: string; error?: string }> => {
    const page: Page = await browser.newPage()
    page.setDefaultTimeout(60_000)
    await page.goto(origin())
    const options = { endpoint: `http://127.0.0.1:${relay.port}/v1/tus`, key: system.keys['shop-web'], length }
    const result = await page.evaluate(`${UPLOAD}(${JSON.stringify(options)})`)
    await page.close()
    return result as { digest?: string; error?: string }
  }

  test('of no origin of the product uploads nothing', async () => {
    await allow(['https://other.example'])
    expect(await upload(1000)).toEqual({ error: expect.stringContaining('tus') })
    expect(await upload(1000)).not.toHaveProperty('digest')
  })

  test('of an origin of the product uploads, and goes on where its connection was cut', async () => {
    await allow([origin()])
    expect(await upload(1000)).toEqual({ digest: `sha256:${sha256Hex(bytesOf(1000))}` })
    cutAfter = 5_000_000
    expect(await upload(7_000_000)).toEqual({ digest: `sha256:${sha256Hex(bytesOf(7_000_000))}` })
    expect(cutAfter).toBe(Number.POSITIVE_INFINITY)
  })
})
