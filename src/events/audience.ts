/**
 * Who hears of an event: decided when it is handed out and not when it happened, by the edges that there are then. A product that
 * has lost its grant hears nothing more, of the past neither; one that has got it may read what was before.
 */
import type { LoggedEvent } from '../model/event.ts'
import { type Audience, EVENTS } from '../model/event-catalogue.ts'
import type { Principal } from '../model/principal.ts'
import type { Action, Context } from '../policy/decide.ts'
import { type PermissionDependencies, permitOnAssets } from '../policy/permission.ts'

export interface Listener extends Pick<Context, 'address'> {
  readonly principal: Principal
}

const ACTION: Readonly<Record<Audience, Action>> = { readers: 'read', product: 'read', editors: 'publish' }

const isAbout = (product: string, { data }: LoggedEvent): boolean => data.product === product

/** What others wait for is theirs to know: lists of renditions are cut to those of the product. */
const forProduct = (product: string, event: LoggedEvent): LoggedEvent => {
  const cut = Object.entries(event.data).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.filter(item => (item?.product ?? product) === product) : value,
  ])
  return { ...event, tellsActor: event.actorProduct === product, data: Object.fromEntries(cut) }
}

/** Those of these that the listener may hear of, in their order, each as it may hear it. */
export const audible = async (
  dependencies: PermissionDependencies,
  { principal, address }: Listener,
  events: readonly LoggedEvent[],
): Promise<LoggedEvent[]> => {
  const { product } = principal
  const allowed = async (action: Action): Promise<ReadonlySet<string>> => {
    const assets = [
      ...new Set(events.filter(({ type }) => ACTION[EVENTS[type].audience] === action).map(({ asset }) => asset)),
    ]
    if (assets.length === 0) return new Set()
    const asked = { principal, product: product ?? '', action, assets, address }
    const permissions = await permitOnAssets(dependencies, asked)
    return new Set(assets.filter((_, place) => permissions[place]?.effect === 'allow'))
  }
  const [read, publish] = await Promise.all([allowed('read'), allowed('publish')])
  const may = { read, publish }
  const heard = events.filter(event => {
    const { audience } = EVENTS[event.type]
    if (audience === 'product' && product !== undefined && !isAbout(product, event)) return false
    return may[ACTION[audience] as 'read' | 'publish'].has(event.asset)
  })
  return heard.map(event => (product === undefined ? { ...event, tellsActor: true } : forProduct(product, event)))
}
