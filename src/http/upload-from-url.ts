/** `source_url`: an original that is fetched from where it is. */
import type { Gateway } from '../gateway.ts'
import { hintsOf, withoutSecrets } from '../ingest/fetch.ts'
import { nameInUrl } from '../ingest/fetch-name.ts'
import { identifyHinted } from '../ingest/identify-hinted.ts'
import { answerKey } from '../manifest/idempotency.ts'
import { insertProvenance } from '../manifest/provenance.ts'
import { trustOf } from '../model/source.ts'
import { addressOf } from './address.ts'
import { causeOf } from './context.ts'
import { fingerprint, replay } from './idempotent.ts'
import { type JsonEntrance, newAsset, parseWish } from './json-entrance.ts'
import { storeUpload } from './stored.ts'
import { cleanFilename, JsonCommon, JsonCreate, SourceUrl } from './upload-wishes.ts'

const Source = { source_url: SourceUrl }
export const UrlCreate = JsonCreate.extend(Source)
export const UrlVersion = JsonCommon.extend(Source)

export const urlEntrance =
  (gateway: Gateway): JsonEntrance =>
  (target, body) => {
    const { destination, wish } = readWish(target, body)
    const url = new URL(wish.source_url)
    return async (c, { key, answered }) => {
      const print = fingerprint(key.request, JSON.stringify({ destination, wish }))
      if (answered) return replay(answered, print)
      const principal = c.get('principal')
      const { aliases, identity_hints: identityHints } = wish
      const asked = { principal, destination, aliases, trust: trustOf('url'), address: addressOf(c) }
      const permission = await gateway.ingest.authorise(asked)
      const most = permission.collection.rules?.max_bytes
      const fetched = await gateway.fetchOriginal(wish.source_url, most)
      const { received, mediaType } = fetched
      try {
        const identity = await identifyHinted(received, mediaType, gateway.inputLimits)
        const { answer } = await storeUpload(c, gateway, {
          upload: {
            principal,
            destination,
            aliases,
            identityHints,
            publish: wish.publish,
            filename: cleanFilename(wish.filename ?? nameInUrl(url)),
            announcedSha256: wish.sha256,
            source: { entrance: 'url', ref: withoutSecrets(url) },
            cause: causeOf(c),
          },
          permission,
          content: { received, identity },
          remember: async (tx, answer, version) => {
            const named = { tenant: principal.tenant, asset: version.asset, version: version.version }
            await insertProvenance(tx, named, { source: undefined, trust: trustOf('url'), hints: hintsOf(fetched) })
            await answerKey(tx, key, { ...answer, fingerprint: print })
          },
        })
        return new Response(answer.body, { status: answer.status, headers: answer.headers })
      } finally {
        await received.close()
      }
    }
  }

const readWish = (target: Parameters<JsonEntrance>[0], body: object) => {
  if (target.kind === 'version') return { destination: target, wish: parseWish(UrlVersion, body) }
  const wish = parseWish(UrlCreate, body)
  return { destination: newAsset(wish), wish }
}
