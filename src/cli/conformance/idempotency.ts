/** What is asked twice is done once: `Idempotency-Key`, by draft-ietf-httpapi-idempotency-key-header-07. */
import { randomUUID } from 'node:crypto'
import { type Check, COLLECTION, expectThat, type World } from './world.ts'

const PATH = `/v1/assets?collection=${COLLECTION}`
const AT_ONCE = 6

const post = ({ call, owner }: World, body: Uint8Array<ArrayBuffer>, key?: string) =>
  call('POST', PATH, { key: owner, body, headers: key === undefined ? {} : { 'Idempotency-Key': key } })

export const idempotency: readonly Check[] = [
  {
    name: 'the same request with the same key is done once and answered alike',
    async run(world) {
      const body = world.picture()
      const key = randomUUID()
      const first = await post(world, body, key)
      const second = await post(world, body, key)
      expectThat(first.status === 201, `the first was answered ${first.status}`)
      expectThat(second.status === 201, `the second was answered ${second.status}`)
      expectThat(second.text === first.text, 'the second answer is not the first')
      expectThat(
        second.headers.get('idempotent-replayed') === 'true',
        'the second answer does not say Idempotent-Replayed',
      )
    },
  },
  {
    name: `${AT_ONCE} at once are one`,
    async run(world) {
      const body = world.picture()
      const key = randomUUID()
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => post(world, body, key)))
      const made = answers
        .filter(({ status }) => status === 201)
        .map(answer => (answer.body as { asset: string }).asset)
      const other = answers.map(({ status }) => status).filter(status => status !== 201 && status !== 409)
      expectThat(other.length === 0, `answered ${other.join(', ')}`)
      expectThat(new Set(made).size === 1, `${new Set(made).size} assets were made`)
    },
  },
  {
    name: 'another request with a key that was used is refused',
    async run(world) {
      const key = randomUUID()
      await post(world, world.picture(), key)
      const { status } = await post(world, world.picture(), key)
      expectThat(status === 422, `expected 422 but received ${status}`)
    },
  },
  {
    name: 'what makes something asks for a key',
    async run(world) {
      const { status } = await post(world, world.picture())
      expectThat(status === 400, `expected 400 but received ${status}`)
    },
  },
]
