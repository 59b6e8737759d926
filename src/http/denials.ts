/** What the audit keeps of requests that changed nothing: who was refused, and who was given what is closed to most. */
import type { Gateway } from '../gateway.ts'
import { leafNameOf, readDeliveryPath } from '../model/delivery-path.ts'
import type { MatrixError } from '../model/errors.ts'
import { NAME_PATTERN, UUID_PATTERN } from '../model/ids.ts'
import { claimed } from '../policy/authenticate.ts'
import type { Sighting } from '../policy/journal.ts'
import type { OriginalAnswer, Ready } from '../resolve/resolve.ts'
import { actionOf } from './actions.ts'
import { requestOf, routeOf } from './audit.ts'
import type { MatrixContext } from './context.ts'

/** A path is told by the names in it that can be names: a token in one, and whatever somebody made up, is not. */
const SAFE = new RegExp(`${NAME_PATTERN.source}|${UUID_PATTERN.source}|^key_[\\w-]{1,60}$|^\\d{1,9}$`)
const SECRET_PARAMS = new Set(['token', 'proof', 'external_id'])

const ofDelivery = (params: Readonly<Record<string, string>>): string | undefined => {
  const { asset = '', product = '', version, file } = params
  const delivery = file === undefined ? undefined : readDeliveryPath(`/i/${product}/${asset}/${version}/${file}`)
  if (delivery !== undefined) return `assets/${asset}/products/${product}/renditions/${leafNameOf(delivery)}`
  const { rendition = '' } = params
  if (![product, rendition].every(name => NAME_PATTERN.test(name)) || !UUID_PATTERN.test(asset)) return undefined
  return `assets/${asset}/products/${product}/renditions/${rendition}`
}

/** `/v1/assets/:asset/publish` with its names in it, without `/v1/`. */
export const resourceOf = (c: MatrixContext): string => {
  const route = routeOf(c)
  const params = c.req.param() as Record<string, string>
  const collection = route === '/v1/assets' ? c.req.query('collection') : undefined
  if (collection !== undefined && NAME_PATTERN.test(collection)) return `collections/${collection}/assets`
  return (
    (/\/i\/|\/renditions\/:rendition$/.test(route) ? ofDelivery(params) : undefined) ??
    route.replace(/^\/(v1\/)?/, '').replace(/:(\w+)/g, (whole, name) => {
      const value = params[name]
      return value !== undefined && !SECRET_PARAMS.has(name) && SAFE.test(value) ? value : whole
    })
  )
}

/** `undefined`: no credential at all. */
const whoOf = (c: MatrixContext, error: MatrixError): Sighting['who'] | undefined => {
  const principal = error.denied?.principal ?? c.get('principal')
  if (principal !== undefined) return principal
  // Beside a signature a credential is not looked at, so it is not who was refused.
  if (reasonsOf(error).includes('signature')) return 'unknown'
  try {
    const given = claimed(c.req.header('authorization'))
    if (given === undefined) return error.status === 403 ? 'unknown' : undefined
    return given.secretHash ?? 'unknown' // a token that is refused is nobody's
  } catch {
    return 'unknown' // what cannot be a credential
  }
}

const reasonsOf = ({ denied, details, code }: MatrixError): readonly string[] => {
  if (denied !== undefined) return [denied.rule]
  const { reasons } = details
  return Array.isArray(reasons) && reasons.every(reason => typeof reason === 'string') ? reasons : [code]
}

/** 401 and 403 are denials; a 404 is one where a rule hid what there may be. */
const isDenial = ({ status, denied }: MatrixError): boolean =>
  status === 401 || status === 403 || (status === 404 && denied !== undefined)

type Keeping = Pick<Gateway, 'journal' | 'metrics'>

/** Called with every refusal; keeps those that are denials. `about` is said where one request asks about many things. */
export const noteDenial = (
  { journal, metrics }: Keeping,
  c: MatrixContext,
  error: MatrixError,
  about: { readonly action: string; readonly resource: string } | undefined = undefined,
): void => {
  if (!isDenial(error)) return
  const who = whoOf(c, error)
  if (who === undefined) {
    metrics.denials.inc({ result: 'anonymous' })
    return
  }
  journal.note({
    ...requestOf(c),
    who,
    action: about?.action ?? actionOf(c.req.method, routeOf(c)),
    resource: about?.resource ?? resourceOf(c),
    outcome: 'denied',
    reasons: reasonsOf(error),
  })
}

/**
 * Originals are closed by default, and a share link is for whoever has it: every answer of these is kept, the same one twice in
 * an interval as one row. Of others nothing is: what is asked for all day says nothing.
 */
export const noteAnswer = (
  { journal }: Pick<Keeping, 'journal'>,
  { kind, principal, asset, version }: Pick<Ready | OriginalAnswer, 'kind' | 'principal' | 'asset' | 'version'>,
  requestNames: () => ReturnType<typeof requestOf>,
): void => {
  if (principal === undefined || (kind !== 'original' && principal.kind !== 'share')) return
  journal.note({
    ...requestNames(),
    who: principal,
    action: kind === 'original' ? 'original.read' : 'share.read',
    resource: `assets/${asset}/versions/${version}`,
    outcome: 'allowed',
    reasons: [],
  })
}
