/** Answers are what the gateway's own document says of them: statuses, media types, and JSON that fits its schema. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import {
  type Answer,
  type CallOptions,
  type Check,
  COLLECTION,
  expectThat,
  OWNER,
  RENDITION,
  type World,
} from './world.ts'

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>
  >
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/** Literal paths before those with parameters. */
const operationOf = ({ paths }: Document, method: string, pathname: string): Operation | undefined => {
  const fits = Object.keys(paths)
    .filter(path => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname))
    .sort((a, b) => a.split('{').length - b.split('{').length)
  return fits.map(path => paths[path]?.[method.toLowerCase()]).find(found => found !== undefined)
}

const localRefs = (value: object): object =>
  JSON.parse(JSON.stringify(value).replaceAll('#/components/schemas/', '#/$defs/')) as object

const expectDocumented = (document: Document, method: string, path: string, answer: Answer): void => {
  const what = `${method} ${path} (${answer.status})`
  const operation = operationOf(document, method, new URL(path, 'http://gateway').pathname)
  expectThat(operation !== undefined, `${what} is not in the document`)
  const described = operation?.responses[String(answer.status)]
  expectThat(described !== undefined, `${what} is a status that the document does not name`)
  const [type = ''] = (answer.headers.get('content-type') ?? '').split(';')
  if (answer.text === '' || !described?.content) return
  const content = described.content[type]
  expectThat(content !== undefined, `${what} is ${type}, which the document does not name`)
  if (!content?.schema || !/[/+]json$/.test(type)) return
  const schema = localRefs({ ...content.schema, $defs: document.components.schemas })
  const parsed = z.fromJSONSchema(schema as never).safeParse(answer.body)
  const [issue] = parsed.error?.issues ?? []
  expectThat(parsed.success, `${what} does not fit its schema at /${issue?.path.join('/')}: ${issue?.message}`)
}

type Asked = readonly [method: string, path: string, options?: CallOptions]

/** That a refusal is documented, too, makes it none of what was asked for. */
const ask = async (world: World, expected: 'success' | 'refusal', asked: readonly Asked[]): Promise<void> => {
  const document = (await world.call('GET', '/openapi.json')).body as Document
  for (const [method, path, options] of asked) {
    const answer = await world.call(method, path, options)
    const isDone = answer.status >= 200 && answer.status < 300
    expectThat(isDone === (expected === 'success'), `${method} ${path} was answered ${answer.status}`)
    expectDocumented(document, method, path, answer)
  }
}

export const contract: readonly Check[] = [
  {
    name: 'there is a document of OpenAPI 3.1',
    async run({ call }) {
      const { status, body } = await call('GET', '/openapi.json')
      const { openapi = 'none', paths = {} } = (body ?? {}) as Partial<Document>
      expectThat(
        status === 200 && openapi.startsWith('3.1'),
        `/openapi.json was answered ${status}, openapi ${openapi}`,
      )
      expectThat(Object.keys(paths).length > 0, 'it has no paths')
    },
  },
  {
    name: 'what is asked for is answered as it says',
    async run(world) {
      const asset = await world.upload()
      const { owner: key, admin } = world
      await ask(world, 'success', [
        [
          'POST',
          `/v1/assets?collection=${COLLECTION}`,
          { key, body: world.picture(), headers: { 'Idempotency-Key': randomUUID() } },
        ],
        ['GET', `/v1/assets/${asset}`, { key }],
        ['GET', `/v1/assets/${asset}/versions`, { key }],
        ['GET', `/v1/assets/${asset}/versions/1/completeness`, { key }],
        ['GET', '/v1/assets?limit=3', { key }],
        ['GET', `/v1/products/${OWNER}/assets/${asset}/renditions/${RENDITION}?wait=10`, { key }],
        ['GET', `/v1/products/${OWNER}/assets/${asset}/renditions/original`, { key }],
        ['POST', `/v1/products/${OWNER}/resolve/batch`, { key, body: { items: [{ asset, rendition: RENDITION }] } }],
        ['GET', `/v1/products/${OWNER}/assets/${asset}/picture?renditions=${RENDITION}`, { key }],
        ['GET', '/v1/events?limit=5', { key }],
        ['GET', '/v1/subscriptions', { key }],
        ['GET', `/v1/products/${OWNER}/usage`, { key }],
        ['GET', '/v1/capabilities', { key }],
        ['GET', '/v1/products', { key: admin }],
        ['GET', `/v1/collections/${COLLECTION}/matrix`, { key: admin }],
        ['GET', '/v1/audit?limit=3', { key: admin }],
        ['GET', '/healthz'],
        ['GET', '/readyz'],
      ])
    },
  },
  {
    name: 'what is refused is refused as it says, with a problem document',
    async run(world) {
      const { owner: key, call } = world
      const asked: readonly Asked[] = [
        ['GET', `/v1/assets/${randomUUID()}`, { key }],
        ['GET', `/v1/assets/${randomUUID()}`],
        ['GET', '/v1/assets?limit=none', { key }],
        ['GET', `/v1/products/${OWNER}/assets/${randomUUID()}/renditions/${RENDITION}`, { key }],
        [
          'POST',
          '/v1/uploads',
          { key, body: { collection: COLLECTION, bytes: 0 }, headers: { 'Idempotency-Key': randomUUID() } },
        ],
        ['PATCH', `/v1/assets/${randomUUID()}`, { key, body: { labels: [] } }],
        ['PUT', `/v1/products/${OWNER}`, { key, body: {} }],
      ]
      await ask(world, 'refusal', asked)
      for (const [method, path, options] of asked) {
        const { status, headers, body } = await call(method, path, options)
        const { code, status: said } = (body ?? {}) as { code?: string; status?: number }
        expectThat(status >= 400, `${method} ${path} was answered ${status}`)
        expectThat(
          headers.get('content-type') === 'application/problem+json',
          `${method} ${path} is no problem document`,
        )
        expectThat(
          typeof code === 'string' && said === status,
          `${method} ${path}: code ${code}, status ${said} of ${status}`,
        )
      }
    },
  },
]
