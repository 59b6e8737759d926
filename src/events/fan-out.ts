/** From the log into the queues of subscriptions: what each wants of it and may hear. Whether it still may is asked again before it is told. */
import { collectionsOf } from '../manifest/asset-collections.ts'
import { moveCursor } from '../manifest/carrying.ts'
import type { Database } from '../manifest/database.ts'
import { backlogOf, insertDeliveries } from '../manifest/deliveries.ts'
import { moveReplay, type Replay, runningReplay } from '../manifest/replays.ts'
import { type KeptSubscription, lockSubscription } from '../manifest/subscriptions.ts'
import type { ToldEvent } from '../model/event.ts'
import type { EventName } from '../model/event-catalogue.ts'
import { type WantedTypes, wantedTypes } from '../model/event-majors.ts'
import { listenerOf } from '../model/subscription.ts'
import type { PermissionDependencies } from '../policy/permission.ts'
import { type EventPage, readPage, type Wanted } from './pages.ts'

export type FanOutDependencies = PermissionDependencies & { readonly database: Database }

const PAGE = 500
/**
 * What is not in the queue is in the log: one that takes nothing does not make another log of it. Where some events fail and others are
 * taken, those that wait for a later try, and what waits behind them, are not to keep the others from being told.
 */
const MOST_WAITING = 100_000
const MOST_FAILING = 10_000

const inCollection = async (
  { database }: FanOutDependencies,
  { tenant, collection }: KeptSubscription,
  events: readonly ToldEvent[],
): Promise<readonly ToldEvent[]> => {
  if (collection === undefined || events.length === 0) return events
  const collections = await collectionsOf(database, tenant, [...new Set(events.flatMap(({ asset }) => asset ?? []))])
  return events.filter(({ asset, data }) => (asset === null ? data.collection : collections.get(asset)) === collection)
}

const pageFor = async (
  dependencies: FanOutDependencies,
  subscription: KeptSubscription,
  { after, ...wanted }: Wanted & { after: number },
): Promise<EventPage> => {
  const listener = { principal: listenerOf(subscription), address: undefined }
  const page = await readPage(dependencies, listener, { ...wanted, after, limit: PAGE })
  // What has become of its own deliveries is no news to a receiver that does not take them.
  const others = page.events.filter(({ asset, data }) => asset !== null || data.subscription !== subscription.id)
  return { ...page, events: await inCollection(dependencies, subscription, others) }
}

interface Fanned {
  readonly told: number
  readonly hasMore: boolean
}

const goOn = async (dependencies: FanOutDependencies, subscription: KeptSubscription): Promise<Fanned> => {
  const { cursor, types, asset } = subscription
  const page = await pageFor(dependencies, subscription, { types: types && wantedTypes(types), asset, after: cursor })
  if (page.nextAfter === cursor) return { told: 0, hasMore: false }
  await dependencies.database.transaction(async tx => {
    if (await moveCursor(tx, subscription, page.nextAfter))
      await insertDeliveries(tx, subscription, { events: page.events, replay: undefined })
  })
  return { told: page.events.length, hasMore: page.nextAfter < page.head }
}

/** In the major that the subscription asks for; one that asks for none in particular is told what is to be told again as that is asked for. */
const both = (
  again: readonly EventName[] | undefined,
  own: readonly EventName[] | undefined,
): WantedTypes | undefined => {
  const [asked, wanted] = [again && wantedTypes(again), own && wantedTypes(own)]
  if (asked === undefined || wanted === undefined) return wanted ?? asked
  return new Map([...wanted].filter(([type]) => asked.has(type)))
}

/** What the subscription wants of it, as it wants it now. */
const replayOn = async (
  dependencies: FanOutDependencies,
  subscription: KeptSubscription,
  running: Replay,
): Promise<Fanned> => {
  const { cursor, until } = running
  const asset = running.asset ?? subscription.asset
  const isOther = subscription.asset !== undefined && asset !== subscription.asset
  const types = both(running.types ?? undefined, subscription.types)
  const page = isOther
    ? { events: [], nextAfter: until, head: until }
    : await pageFor(dependencies, subscription, { types, asset, after: cursor })
  // A page that moves nothing has come to the end of the log.
  const to = page.nextAfter === cursor ? until : Math.min(page.nextAfter, until)
  const events = page.events.filter(({ seq }) => seq <= until)
  await dependencies.database.transaction(async tx => {
    if ((await lockSubscription(tx, subscription.tenant, subscription.id)) === undefined) return
    if (await moveReplay(tx, subscription.tenant, running, { to, told: events.length }))
      await insertDeliveries(tx, subscription, { events, replay: running.replay })
  })
  return { told: events.length, hasMore: to < until }
}

/** A page of each, with how many of it were put into the queue. True: there is more. */
export const openFanOut = (dependencies: FanOutDependencies) => {
  /** In the queue, at least: counted when it is used up, for to count is to read all that waits. */
  let room = 0
  return async (subscription: KeptSubscription): Promise<boolean> => {
    const most = subscription.failingSince === undefined ? MOST_WAITING : MOST_FAILING
    if (room <= 0) room = most - (await backlogOf(dependencies.database, subscription, most))
    room = Math.min(room, most)
    if (room <= 0) return false
    const news = await goOn(dependencies, subscription)
    const running = await runningReplay(dependencies.database, subscription)
    const again = running && (await replayOn(dependencies, subscription, running))
    room -= news.told + (again?.told ?? 0)
    return news.hasMore || (again?.hasMore ?? false)
  }
}
