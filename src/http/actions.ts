/**
 * What each request that may change something is called in the audit. `undefined`: it is a question in the form of a POST.
 * A route that is not here, and one that changes something without leaving its row, fails in test/flow/identity.test.ts.
 */

export const ACTION_NAMES: Readonly<Record<string, string | undefined>> = {
  'POST /v1/assets': 'asset.create',
  'POST /v1/assets/:asset/versions': 'version.create',
  'POST /v1/tus': 'upload.begin',
  'PATCH /v1/tus/:upload': 'upload.finish',
  'DELETE /v1/tus/:upload': 'upload.terminate',
  'POST /v1/uploads': 'upload.create',
  'POST /v1/uploads/:upload/complete': 'upload.complete',
  'DELETE /v1/uploads/:upload': 'upload.delete',
  'POST /v1/assets/import': 'import.create',
  'DELETE /v1/assets/:asset/versions/:version': 'version.discard',
  'POST /v1/ingest/:source': 'source.event',
  'PUT /v1/sources/:source': 'source.put',
  'DELETE /v1/sources/:source': 'source.delete',
  'POST /v1/sources/:source/redrive': 'source.redrive',
  'PATCH /v1/assets/:asset': 'asset.patch',
  'POST /v1/assets/:asset/versions/:version/release': 'version.release',
  'POST /v1/assets/:asset/publish': 'asset.publish',
  'POST /v1/assets/:asset/rollback': 'asset.rollback',
  'POST /v1/assets/:asset/archive': 'asset.archive',
  'POST /v1/assets/:asset/restore': 'asset.restore',
  'DELETE /v1/assets/:asset': 'asset.delete',
  'POST /v1/assets/:asset/undelete': 'asset.undelete',
  'POST /v1/assets/:asset/erase': 'asset.erase',
  'PUT /v1/assets/:asset/holds/:hold': 'hold.put',
  'DELETE /v1/assets/:asset/holds/:hold': 'hold.delete',
  'PUT /v1/assets/:asset/schedule': 'schedule.put',
  'DELETE /v1/assets/:asset/schedule': 'schedule.delete',
  'PUT /v1/products/:product': 'product.put',
  'POST /v1/products/:product/keys': 'key.create',
  'POST /v1/keys': 'tenant-key.create',
  'POST /v1/keys/:key/rotate': 'key.rotate',
  'DELETE /v1/keys/:key': 'key.revoke',
  'PUT /v1/issuers/:name': 'issuer.put',
  'DELETE /v1/issuers/:name': 'issuer.delete',
  'POST /v1/products/:product/signing-keys': 'signing-key.create',
  'POST /v1/signing-keys/:kid/rotate': 'signing-key.rotate',
  'DELETE /v1/signing-keys/:kid': 'signing-key.revoke',
  'POST /v1/assets/:asset/shares': 'share.create',
  'DELETE /v1/shares/:share': 'share.revoke',
  'PUT /v1/collections/:collection': 'collection.put',
  'PUT /v1/collections/:collection/grants/:product': 'grant.put',
  'DELETE /v1/collections/:collection/grants/:product': 'grant.delete',
  'PUT /v1/assets/:asset/grants/:product': 'asset-grant.put',
  'DELETE /v1/assets/:asset/grants/:product': 'asset-grant.delete',
  'PUT /v1/collections/:collection/products/:product/renditions/:name': 'rendition.put',
  'DELETE /v1/collections/:collection/products/:product/renditions/:name': 'rendition.delete',
  'POST /v1/collections/:collection/products/:product/renditions/:name/backfill': 'rendition.backfill',
  'POST /v1/products/:product/resolve/explain': undefined,
  'POST /v1/products/:product/resolve/batch': undefined,
  'POST /v1/assets/batchGet': undefined,
  'POST /v1/products/:product/manifest/compare': undefined,
  'POST /v1/policy/test': undefined,
  'POST /v1/dead-letters/redrive': 'dead-letters.redrive',
  'POST /v1/purges/redrive': 'purges.redrive',
  'POST /v1/purges/test': undefined,
  'POST /v1/operations/:operation/pause': 'operation.pause',
  'POST /v1/operations/:operation/resume': 'operation.resume',
  'POST /v1/operations/:operation/cancel': 'operation.cancel',
  'POST /v1/operations/:operation/undo': 'operation.undo',
  'POST /v1/engine/register': 'engine.register',
  'POST /v1/engine/rollouts': 'rollout.create',
  'POST /v1/engine/rollouts/:rollout/promote': 'rollout.promote',
  'POST /v1/engine/rollouts/:rollout/rollback': 'rollout.rollback',
  'POST /v1/costs/measure': 'costs.measure',
}

/** Reads have one name each; what they are about is said by the resource. */
export const actionOf = (method: string, route: string): string => {
  const named = ACTION_NAMES[`${method} ${route}`]
  if (named !== undefined) return named
  if (/^(?:\/s\/:proof|\/share\/:token)?\/i\/|\/assets\/:asset\/renditions\//.test(route)) return 'resolve'
  return method === 'GET' || method === 'HEAD' ? 'read' : 'ask'
}
