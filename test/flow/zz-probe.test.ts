import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSystem, type System, ADMIN_KEY } from '../support/system.ts'
import { openClient, openSocketClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import net from 'node:net'
let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
beforeAll(async () => { system = await startSystem({ env: { MAX_UPLOAD_BYTES: '300000', UPLOAD_IDLE_MS: '300' } }); socket = await openSocketClient(system) })
afterAll(async () => { await socket.close(); await system.close() })
const show = async (name: string, p: Promise<Response> | Response) => { try { const r = await p; console.log(name, r.status, (await r.text()).slice(0, 300)) } catch (e) { console.log(name, 'THROWN', String(e), String((e as any).cause)) } }
test('probe', async () => {
  const shop = system.keys['shop-web']
  const bytes = await photo({ width: 300, height: 200 })
  const up = await system.upload(bytes)
  const call = system.call
  await show('nul display', call('PUT', '/v1/products/zz', { key: ADMIN_KEY, body: { display_name: 'a\u0000b' } }))
  await show('nul label', call('POST', '/v1/products/mobile/keys', { key: ADMIN_KEY, body: { label: 'a\u0000b' } }))
  await show('explain big', call('POST', '/v1/products/shop-web/resolve/explain', { key: shop, body: { asset: up.asset, rendition: 'card', version: 2147483648 } }))
  await show('dl half', call('GET', `/i/shop-web/${up.asset}/current/original?dl=${encodeURIComponent('😀'.repeat(127) + 'a😀')}`, { key: shop }))
  await show('year0', call('PUT', '/v1/collections/product-photo/grants/partner-api', { key: ADMIN_KEY, body: { role: 'reader', expires_at: '0000-01-01T00:00:00Z' } }))
  await show('jpeg as pdf', call('POST', '/v1/assets?collection=product-photo', { key: shop, body: new Uint8Array(bytes), headers: { 'Content-Type': 'application/pdf' } }))
  await show('svg utf16', call('POST', '/v1/assets?collection=product-photo', { key: shop, body: new Uint8Array(Buffer.from('\ufeff<?xml version="1.0" encoding="utf-16"?><svg xmlns="http://www.w3.org/2000/svg"/>', 'utf16le')) }))
  await show('svg long comment', call('POST', '/v1/assets?collection=product-photo', { key: shop, body: new Uint8Array(Buffer.from(`<!-- ${'x'.repeat(70000)} --><svg xmlns="http://www.w3.org/2000/svg"/>`)) }))
  await show('repr bad', call('POST', '/v1/assets?collection=product-photo', { key: shop, body: new Uint8Array(bytes), headers: { 'Repr-Digest': 'sha-256=abcdef' } }))
  await show('alias dup query', call('POST', '/v1/assets?collection=product-photo&collection=avatar', { key: shop, body: new Uint8Array(bytes) }))
  const deep = '['.repeat(100000) + ']'.repeat(100000)
  await show('deep', call('PUT', '/v1/collections/product-photo/products/shop-web/renditions/deep', { key: shop, body: `{"recipe":{"resize":${deep},"formats":["jpeg"]}}`, headers: { 'Content-Type': 'application/json' } }))
  await show('proto', call('PUT', '/v1/collections/product-photo/products/shop-web/renditions/proto', { key: shop, body: `{"recipe":{"__proto__":{"a":1},"constructor":1,"formats":["jpeg"]}}`, headers: { 'Content-Type': 'application/json' } }))
  // socket
  const big = () => new ReadableStream({ async start(c) { for (let i = 0; i < 100; i++) { c.enqueue(new Uint8Array(64 * 1024)); await new Promise(r => setImmediate(r)) } c.close() } })
  await show('sock chunked too big', fetch(`${socket.address}/v1/assets?collection=product-photo`, { method: 'POST', body: big(), duplex: 'half', headers: { Authorization: `Bearer ${shop}`, 'Idempotency-Key': 'a1' } } as never))
  await show('sock announced too big', fetch(`${socket.address}/v1/assets?collection=product-photo`, { method: 'POST', body: new Uint8Array(1000000), headers: { Authorization: `Bearer ${shop}`, 'Idempotency-Key': 'a2' } } as never))
  const raw = (text: string) => new Promise<string>(res => { const s = net.connect(socket.port, '127.0.0.1'); let out = ''; s.on('data', d => { out += d }); s.on('close', () => res(out)); s.on('error', e => { out += ' ERR ' + e }); s.write(text); setTimeout(() => s.end(), 2500) })
  console.log('slow:', JSON.stringify((await raw(`POST /v1/assets?collection=product-photo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${shop}\r\nIdempotency-Key: a3\r\nContent-Length: 1000\r\n\r\nabc`)).slice(0, 400)))
  console.log('badhost:', JSON.stringify((await raw(`GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n`)).slice(0, 400)))
  console.log('badpath:', JSON.stringify((await raw(`GET http://[::bad/healthz HTTP/1.1\r\nHost: a\r\n\r\n`)).slice(0, 400)))
  console.log('//path:', JSON.stringify((await raw(`GET //healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).slice(0, 600)))
  console.log('mp no end:', JSON.stringify((await raw(`POST /v1/assets?collection=product-photo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${shop}\r\nIdempotency-Key: a4\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nabc`)).slice(0, 400)))
  console.log('mp slow before part:', JSON.stringify((await raw(`POST /v1/assets?collection=product-photo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${shop}\r\nIdempotency-Key: a5\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n--b\r\n`)).slice(0, 400)))
  const doc = await (await system.app.request('/openapi.json')).json()
  const documented = new Set(Object.entries((doc as any).paths).flatMap(([p, i]) => Object.keys(i as object).map(m => `${m.toUpperCase()} ${p}`)))
  console.log(system.app.routes.map(r => `${r.method} ${r.path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`).filter((r, i, a) => a.indexOf(r) === i && !documented.has(r)))
  await show('docs', call('GET', '/docs'))
}, 60000)
