/**
 * Who hears of an event: decided when it is handed out and not when it happened, by the edges that there are then. A product that
 * has lost its grant hears nothing more, of the past neither; one that has got it may read what was before.
 */
import { edgedCollections } from '../manifest/product-manifest.ts'
import type { ToldEvent } from '../model/event.ts'
import { EVENTS } from '../model/event-catalogue.ts'
import type { Audience } from '../model/event-kind.ts'
import type { Principal } from '../model/principal.ts'
import type { Action, Context } from '../policy/decide.ts'
import { type PermissionDependencies, permitOnAssets } from '../policy/permission.ts'

export interface Listener extends Pick<Context, 'address'> {
  readonly principal: Principal
}

const ACTION: Readonly<Record<Audience, 'read' | 'publish'>> = {
  readers: 'read',
  product: 'read',
  editors: 'publish',
  named: 'read',
  administrators: 'read',
}

/** Whose right to read it is asked for: of a grant on one asset too. */
const assetOf = ({ asset, data }: ToldEvent): string | undefined =>
  asset ?? (typeof data.asset === 'string' ? data.asset : undefined)

const isAbout = (product: string, { data }: ToldEvent): boolean => data.product === product

/** What others wait for is theirs to know: lists of renditions are cut to those of the product. */
const forProduct = (product: string, event: ToldEvent): ToldEvent => {
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
  logged: readonly ToldEvent[],
): Promise<ToldEvent[]> => {
  const { product } = principal
  // What a newer release tells is not ours to tell: whom it is for is in its catalogue.
  const events = logged.filter(({ type }) => type in EVENTS)
  const allowed = async (action: Action): Promise<ReadonlySet<string>> => {
    const assets = [
      ...new Set(events.flatMap(event => (ACTION[EVENTS[event.type].audience] === action && assetOf(event)) || [])),
    ]
    if (assets.length === 0) return new Set()
    const asked = { principal, product: product ?? '', action, assets, address }
    const permissions = await permitOnAssets(dependencies, asked)
    return new Set(assets.filter((_, place) => permissions[place]?.effect === 'allow'))
  }
  /** Of what is agreed about a collection hears who has an edge on it. */
  const edged = async (): Promise<ReadonlySet<string>> => {
    if (product === undefined || !events.some(({ asset, data }) => asset === null && data.collection)) return new Set()
    return new Set(await edgedCollections(dependencies.database, { tenant: principal.tenant, product }))
  }
  const [read, publish, collections] = await Promise.all([allowed('read'), allowed('publish'), edged()])
  const may = { read, publish }
  const heard = events.filter(event => {
    const { audience } = EVENTS[event.type]
    const asset = assetOf(event)
    if (product === undefined && event.asset === null) return true
    if (audience === 'administrators' && product !== undefined) return false
    if ((audience === 'product' || audience === 'named') && product !== undefined && !isAbout(product, event))
      return false
    if (asset !== undefined) return may[ACTION[audience]].has(asset)
    return event.data.collection === undefined || collections.has(event.data.collection as string)
  })
  return heard.map(event => (product === undefined ? { ...event, tellsActor: true } : forProduct(product, event)))
}
