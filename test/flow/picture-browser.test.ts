/** The `<picture>` that the gateway writes, in a real browser: which file it takes, and that a page stands still meanwhile. */
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, looked, openSocketClient, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const executablePath = (process.env.PATH ?? '')
  .split(delimiter)
  .map(folder => join(folder, 'chromium'))
  .find(existsSync)
const missing = executablePath === undefined ? ' (skipped: no chromium on PATH)' : ''
const STYLE = 'body { margin: 0 } img { max-width: 100%; height: auto; display: block }'

describe.skipIf(missing)(`a page in a browser${missing}`, { timeout: 120_000 }, () => {
  let system: System
  let socket: Awaited<ReturnType<typeof openSocketClient>>
  let browser: Browser
  let html: string
  let colour: string
  const pages = createServer(({ url }, response) => {
    // A type that no browser knows, in place of the first.
    const written = url === '/no-avif' ? html.replace('"image/avif"', '"image/unheard-of"') : html
    const page = `<!doctype html><style>${STYLE}</style>${written}<p>below</p>`
    response.setHeader('Content-Type', 'text/html').end(page)
  })

  beforeAll(async () => {
    system = await startSystem()
    socket = await openSocketClient(system)
    const admin = async (path: string, body: object) =>
      expect((await system.call('PUT', `/v1/collections/pages${path}`, { key: ADMIN_KEY, body })).ok).toBe(true)
    await admin('', { owner: 'shop-web' })
    await admin('/grants/shop-web', { role: 'owner', delivery: 'stream', visibility: 'public' })
    const formats = ['avif', 'webp', 'jpeg']
    for (const width of [200, 400])
      await admin(`/products/shop-web/renditions/w${width}`, { recipe: { resize: { width }, formats } })
    const { asset } = await system.upload(await photo({ width: 500, height: 400 }), 'collection=pages')
    await settled(system)
    await looked(system, asset)
    const path = `/v1/products/shop-web/assets/${asset}/picture?renditions=w200,w400&sizes=200px`
    const found = await expectJson<{ html: string; placeholder: { colour: string } }>(
      socket.send('GET', path, { key: system.keys['shop-web'] }),
      200,
    )
    html = found.html
    colour = found.placeholder.colour
    await new Promise<void>(resolve => pages.listen(0, '127.0.0.1', resolve))
    const args = ['--no-sandbox', '--force-color-profile=srgb']
    browser = await chromium.launch({ ...(executablePath && { executablePath }), args, timeout: 60_000 })
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    pages.close()
    await socket?.close()
    await system?.close()
  })

  const open = async (path: string, deviceScaleFactor: number, before?: (page: Page) => Promise<void>) => {
    const page = await browser.newPage({ viewport: { width: 300, height: 400 }, deviceScaleFactor })
    page.setDefaultTimeout(60_000)
    await before?.(page)
    const { port } = pages.address() as AddressInfo
    await page.goto(`http://127.0.0.1:${port}${path}`, { waitUntil: 'domcontentloaded' })
    return page
  }
  const loaded = (page: Page): Promise<string> =>
    page.evaluate('(async () => { const [i] = document.images; await i.decode(); return i.currentSrc })()')

  test.each([
    ['/', 1, 'w200.avif', 'image/avif'],
    ['/', 2, 'w400.avif', 'image/avif'],
    ['/no-avif', 1, 'w200.webp', 'image/webp'],
    ['/no-avif', 2, 'w400.webp', 'image/webp'],
  ])('takes of %s, on a screen of %d, %s', async (path, deviceScaleFactor, file, type) => {
    const fetched: unknown[] = []
    const page = await open(path, deviceScaleFactor, async opened => {
      opened.on('response', response => {
        if (response.url().includes('/i/')) fetched.push([response.status(), response.headers()['content-type']])
      })
    })
    expect(await loaded(page)).toMatch(new RegExp(`/${file}$`))
    await expect.poll(() => fetched, { timeout: 30_000 }).toEqual([[200, type]])
    await page.close()
  })

  test('has its room and its colour before the picture is there, and nothing moves when it comes', async () => {
    let arrive = () => {}
    const arrives = new Promise<void>(resolve => {
      arrive = resolve
    })
    const page = await open('/', 1, async opened => {
      await opened.route('**/i/**', route => arrives.then(() => route.continue()))
    })
    const boxes = () =>
      page.evaluate("['img', 'p'].map(name => JSON.stringify(document.querySelector(name).getBoundingClientRect()))")
    const before = await boxes()
    expect(await page.evaluate('document.images[0].naturalWidth')).toBe(0)
    expect(await page.locator('img').boundingBox()).toEqual({ x: 0, y: 0, width: 300, height: 240 })
    const screen = await page.screenshot({ clip: { x: 150, y: 120, width: 1, height: 1 } })
    expect(`#${(await sharp(screen).removeAlpha().raw().toBuffer()).toString('hex')}`).toBe(colour.toLowerCase())
    arrive()
    await loaded(page)
    expect(await boxes()).toEqual(before)
    await page.close()
  })
})
