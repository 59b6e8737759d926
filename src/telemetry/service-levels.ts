/** What is promised, by class of request: docs, `/v1/sla`, alerts and dashboard all read it here. */

export interface ServiceLevel {
  readonly about: string
  /** Of the 95th percentile; `undefined`: shown, and not promised, for it takes as long as what is sent. */
  readonly goalSeconds: number | undefined
}

export const SERVICE_LEVELS = {
  resolve: { about: 'A question whose answer is ready, answered', goalSeconds: 0.02 },
  metadata: { about: 'Any other read of the API', goalSeconds: 0.05 },
  control: { about: 'A change that brings no bytes', goalSeconds: 0.1 },
  upload: { about: 'A request that brings bytes', goalSeconds: undefined },
  rendition: {
    about: 'From the bytes of a version to the last derivative that its publication waits for',
    goalSeconds: 5,
  },
  event: { about: 'From a fact to its number in the log, where all readers find it', goalSeconds: 1 },
} as const satisfies Record<string, ServiceLevel>

export type ServiceClass = keyof typeof SERVICE_LEVELS
/** Of those that a gateway times itself. */
export type RequestClass = Exclude<ServiceClass, 'rendition' | 'event'>

export const REQUEST_CLASSES = ['resolve', 'metadata', 'control', 'upload'] as const satisfies readonly RequestClass[]

const DELIVERY = /^(\/i\/|\/s\/|\/share\/|\/o\/|\/v1\/products\/:product\/assets\/:asset\/renditions\/)/
const BYTES = /^\/v1\/(uploads|tus|assets(\/import|\/:asset\/versions)?$|ingest\/)/
/** Ends when the listener goes. */
const STREAMED = /\/(stream|progress)$/

/** `undefined`: nobody is promised anything, as of health and documents. */
export const requestClass = ({
  method,
  route,
}: {
  readonly method: string
  readonly route: string
}): RequestClass | undefined => {
  const isRead = method === 'GET' || method === 'HEAD'
  if (DELIVERY.test(route)) return isRead ? 'resolve' : undefined
  if (!route.startsWith('/v1/') || STREAMED.test(route)) return undefined
  if (isRead) return 'metadata'
  return BYTES.test(route) ? 'upload' : 'control'
}
