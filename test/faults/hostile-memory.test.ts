/**
 * An upload costs the gateway its buffers, whatever its size: the bytes are made on the fly here and the gateway is a process of its
 * own, whose memory the kernel reports. `UPLOAD_TEST_BYTES` asks for another size.
 */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { environmentOf, type Forked, forkNode } from '../support/fork-node.ts'
import { expectJson, traces } from '../support/http.ts'
import { requestOf, type System, startSystem } from '../support/system.ts'

const MIB = 1024 * 1024
const BYTES = Number(process.env.UPLOAD_TEST_BYTES ?? 1024 * MIB)
/** Socket and file buffers, and what the garbage collector has not looked at yet. */
const MAX_GROWTH = 60 * MIB

let system: System
let gateway: Forked & { readonly said: unknown }
beforeAll(async () => {
  system = await startSystem({ worker: false })
  const env = environmentOf(system, { MAX_UPLOAD_BYTES: String(5 * 1024 * MIB), LOG_LEVEL: 'silent', WORKERS: '1' })
  gateway = await forkNode({ file: 'test/support/fork-gateway.ts', env })
})
afterAll(async () => {
  await gateway.kill()
  await system.close()
})

const residentBytes = async (): Promise<number> => {
  const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

const noise = new Uint8Array(MIB).map((_, i) => (i * 2_654_435_761) >>> 24)

/** So many bytes, each MiB with its number in front, so that nothing is alike. */
const stream = (bytes: number): ReadableStream<Uint8Array> => {
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      const part = noise.slice(0, Math.min(MIB, bytes - sent))
      new DataView(part.buffer).setFloat64(0, sent)
      sent += part.length
      controller.enqueue(part)
      if (sent >= bytes) controller.close()
    },
  })
}

const upload = async (bytes: number, form = false): Promise<{ bytes: number }> => {
  const headers: Record<string, string> = {}
  let body: ReadableStream<Uint8Array> = stream(bytes)
  if (form) {
    headers['Content-Type'] = 'multipart/form-data; boundary=b'
    body = around('--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n', body, '\r\n--b--\r\n')
  }
  const request = requestOf('POST', { key: system.keys['shop-web'], body, headers })
  return expectJson(fetch(`${gateway.said}/v1/assets?collection=product-photo`, request), 201)
}

const around = (before: string, body: ReadableStream<Uint8Array>, after: string): ReadableStream<Uint8Array> => {
  const text = new TextEncoder()
  return body.pipeThrough(
    new TransformStream({
      start: controller => controller.enqueue(text.encode(before)),
      flush: controller => controller.enqueue(text.encode(after)),
    }),
  )
}

test.skipIf(process.platform !== 'linux').each([
  ['raw', false, BYTES],
  ['as a form', true, BYTES / 4],
])(
  '%s, in constant memory',
  async (_name, form, bytes) => {
    for (let i = 0; i < 3; i++) await upload(32 * MIB + 16 * i, form) // code loaded, pools filled
    const before = await residentBytes()
    let highest = before
    const sampling = setInterval(async () => {
      highest = Math.max(highest, await residentBytes())
    }, 50)
    const startedAt = performance.now()
    try {
      expect(await upload(bytes, form)).toMatchObject({ bytes })
    } finally {
      clearInterval(sampling)
    }
    const seconds = (performance.now() - startedAt) / 1000
    const grown = Math.round((highest - before) / MIB)
    process.stdout.write(`${bytes / MIB} MiB in ${seconds.toFixed(1)} s, ${grown} MiB of memory more\n`)
    expect(highest - before, `${grown} MiB`).toBeLessThan(MAX_GROWTH)
    expect((await traces(system)).spool).toEqual([])
  },
  180_000,
)
