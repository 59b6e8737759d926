/** What is signed can be believed, and what is altered is not: webhooks, and delivery URLs. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { verifyWebhook } from '../../lib/verify-webhook.ts'
import { signUrl } from '../../policy/sign-url.ts'
import { type Check, expectThat, NotTried, OWNER, RENDITION, Violation, type World } from './world.ts'

interface Heard {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Keeps what comes, while `use` runs. */
const receiving = async (world: World, use: (url: string, heard: readonly Heard[]) => Promise<void>): Promise<void> => {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      heard.push({ headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() })
      response.writeHead(204).end()
    })
  })
  const at = new URL(world.receiver ?? 'http://127.0.0.1:0/')
  await new Promise<void>(resolve =>
    server.listen(Number(at.port || 80), world.receiver ? undefined : at.hostname, resolve),
  )
  const bound = server.address()
  if (world.receiver === undefined && typeof bound === 'object' && bound) at.port = String(bound.port)
  try {
    await use(at.href, heard)
  } finally {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
}

const believed = (one: Heard | undefined, secrets: string | readonly string[]): Promise<boolean> =>
  one === undefined
    ? Promise.reject(new Violation('nothing has come'))
    : verifyWebhook(one.body, one.headers, secrets).then(
        () => true,
        () => false,
      )

export const signature: readonly Check[] = [
  {
    name: 'webhooks are signed by Standard Webhooks, in a rotation with both secrets',
    async run(world) {
      const { call, owner: key } = world
      const headers = () => ({ 'Idempotency-Key': randomUUID(), 'If-Match': '*' })
      await receiving(world, async (url, heard) => {
        const made = await call('POST', '/v1/subscriptions', { key, body: { url }, headers: headers() })
        const { code } = (made.body ?? {}) as { code?: string }
        if (world.receiver === undefined && code === 'url-forbidden')
          throw new NotTried(`the gateway may not reach ${url}: give --receiver a URL that leads here`)
        expectThat(made.status === 201, `a subscription was answered ${made.status}`)
        const { id, secret } = made.body as { id: string; secret: string }
        const path = `/v1/subscriptions/${id}`
        try {
          await call('POST', `${path}/test`, { key, headers: headers() })
          const first = heard.at(-1)
          expectThat(await believed(first, secret), 'the secret of the subscription does not verify it')
          const altered = { headers: first?.headers ?? {}, body: `${first?.body} ` }
          expectThat(!(await believed(altered, secret)), 'another body is believed')
          const rotated = await call('POST', `${path}/rotate-secret`, {
            key,
            body: { overlap: '1h' },
            headers: headers(),
          })
          const { secret: next } = rotated.body as { secret: string }
          await call('POST', `${path}/test`, { key, headers: headers() })
          for (const one of [secret, next])
            expectThat(await believed(heard.at(-1), one), 'in a rotation one of the secrets does not verify it')
        } finally {
          await call('DELETE', path, { key, headers: headers() })
        }
      })
    },
  },
  {
    name: 'a signed URL opens what it names, and nothing else',
    async run(world) {
      const { call, admin, owner } = world
      const asset = await world.upload()
      await call('GET', `/v1/products/${OWNER}/assets/${asset}/renditions/${RENDITION}?wait=10`, { key: owner })
      const made = await call('POST', `/v1/products/${OWNER}/signing-keys`, {
        key: admin,
        body: { label: 'conformance' },
        headers: { 'Idempotency-Key': randomUUID() },
      })
      const { kid, secret } = made.body as { kid: string; secret: string }
      try {
        const path = `/i/${OWNER}/${asset}/v1/${RENDITION}.png`
        const signed = signUrl({ path, kid, secret, lifetimeSeconds: 600 })
        const opened = await call('GET', signed)
        expectThat(opened.status === 200 || opened.status === 302, `a signed URL was answered ${opened.status}`)
        const bare = await call('GET', path)
        const mangled = signed.replace(/sig=./, found => (found.endsWith('A') ? 'sig=B' : 'sig=A'))
        const longer = signed.replace(/exp=(\d+)/, (_, exp: string) => `exp=${Number(exp) + 300}`)
        const past = signUrl({ path, kid, secret, lifetimeSeconds: 60, now: Date.now() - 3_600_000 })
        const denied = [bare, await call('GET', mangled), await call('GET', longer), await call('GET', past)]
        const names = ['unsigned', 'signed otherwise', 'prolonged', 'after its end']
        for (const [index, { status }] of denied.entries())
          expectThat(status >= 400 && status < 500, `${names[index]}, it was answered ${status}`)
      } finally {
        await call('DELETE', `/v1/signing-keys/${kid}`, { key: admin })
      }
    },
  },
]
