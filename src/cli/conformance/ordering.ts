/** The log: every fact once, in the order of its asset, and the same however it is read. */
import { setTimeout as wait } from 'node:timers/promises'
import { type Check, expectThat, TOLD_WITHIN_MS, Violation, type World } from './world.ts'

interface LoggedEvent {
  readonly id: string
  readonly sequence: string
  readonly type: string
  readonly data: { readonly asset_event_no: number; readonly publication?: number }
}
interface Page {
  readonly items: readonly LoggedEvent[]
  readonly next_after: number
  readonly head: number
}

const CHANGES = 8

const read = async ({ call, owner }: World, asset: string, after: number, limit: number): Promise<LoggedEvent[]> => {
  const found: LoggedEvent[] = []
  for (let at = after; ; ) {
    const query = new URLSearchParams({ after: String(at), subject: `assets/${asset}`, limit: String(limit) })
    const page = (await call('GET', `/v1/events?${query}`, { key: owner })).body as Page
    found.push(...page.items)
    if (page.next_after === at || page.next_after >= page.head) return found
    at = page.next_after
  }
}

/** An asset with a life, and all that the log says of it. */
const lived = async (world: World): Promise<{ asset: string; before: number; events: LoggedEvent[] }> => {
  const { call, owner } = world
  const { head } = (await call('GET', '/v1/events?limit=1', { key: owner })).body as Page
  const asset = await world.upload()
  const change = (label: number) =>
    call('PATCH', `/v1/assets/${asset}`, {
      key: owner,
      body: JSON.stringify({ labels: [`l${label}`] }),
      headers: { 'If-Match': '*', 'Content-Type': 'application/merge-patch+json' },
    })
  const answers = await Promise.all(Array.from({ length: CHANGES }, (_, label) => change(label)))
  // One that is refused, by a limit or a gateway that is busy, has changed nothing.
  const changed = answers.filter(({ status }) => status === 200).length
  expectThat(changed > 0, `a change was answered ${answers.map(({ status }) => status).join(', ')}`)
  for (const deadline = Date.now() + TOLD_WITHIN_MS; ; ) {
    const events = await read(world, asset, head, 500)
    if (events.filter(({ type }) => type.includes('metadata_changed')).length >= changed)
      return { asset, before: head, events }
    if (Date.now() > deadline)
      throw new Violation(`of ${changed} changes the log has not all after ${TOLD_WITHIN_MS} ms`)
    await wait(100)
  }
}

export const ordering: readonly Check[] = [
  {
    name: 'the events of an asset are numbered 1, 2, 3, … and come in that order, each once',
    async run(world) {
      const { events } = await lived(world)
      const numbers = events.map(({ data }) => data.asset_event_no)
      expectThat(
        numbers.every((no, index) => no === index + 1),
        `they came as ${numbers.join(', ')}`,
      )
      expectThat(new Set(events.map(({ id }) => id)).size === events.length, 'an event came twice')
    },
  },
  {
    name: 'their numbers in the log rise with them',
    async run(world) {
      const { events } = await lived(world)
      const falls = events.filter(({ sequence }, index) => index > 0 && sequence <= (events[index - 1]?.sequence ?? ''))
      expectThat(falls.length === 0, `${falls.length} of ${events.length} stand behind later ones`)
    },
  },
  {
    name: 'pages of any size have the same in them',
    async run(world) {
      const { asset, before, events } = await lived(world)
      const ids = (some: readonly LoggedEvent[]): string => some.map(({ id }) => id).join()
      const small = (await read(world, asset, before, 3)).slice(0, events.length)
      expectThat(ids(small) === ids(events), 'pages of 3 have other events than pages of 500')
    },
  },
]
