/** Who is told what to forget, as configured. */
import type { Config } from '../config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Database } from '../manifest/database.ts'
import { openAwsSigner } from '../objects/aws-signer.ts'
import type { PurgeTarget } from './purge.ts'
import { openCloudflare } from './purge-cloudflare.ts'
import { openCloudFront } from './purge-cloudfront.ts'
import { openFastly } from './purge-fastly.ts'
import { openVarnish } from './purge-varnish.ts'
import { openPurgeVerifier } from './purge-verify.ts'
import { openPurgeWebhook } from './purge-webhook.ts'

/** CloudFront is one service for the whole world, and it is here. */
const CLOUDFRONT_REGION = 'us-east-1'

/** Who has to hear of purges, and who asks afterwards whether it helped. */
export const openPurging = (config: Config, { clock, database }: { clock: Clock; database: Database }) => ({
  purgeTargets: openTargets(config, { clock }),
  verifyPurge: openPurgeVerifier(config, database),
})

/** None where nobody is to be told of anything. */
const openTargets = (config: Config, { clock }: { clock: Clock }): readonly PurgeTarget[] => {
  const targets: PurgeTarget[] = []
  const { purgeWebhookUrl, purgeWebhookSecret } = config
  if (purgeWebhookUrl !== undefined && purgeWebhookSecret !== undefined)
    targets.push(openPurgeWebhook({ url: purgeWebhookUrl, secret: purgeWebhookSecret, clock }))
  const { purgeCloudflareZone: zone, purgeCloudflareToken } = config
  if (zone !== undefined && purgeCloudflareToken !== undefined)
    targets.push(openCloudflare({ api: config.purgeCloudflareApi, zone, token: purgeCloudflareToken, clock }))
  const { purgeFastlyService: service, purgeFastlyToken } = config
  if (service !== undefined && purgeFastlyToken !== undefined)
    targets.push(openFastly({ api: config.purgeFastlyApi, service, token: purgeFastlyToken, clock }))
  const { purgeCloudfrontDistribution: distribution } = config
  if (distribution !== undefined) {
    const { purgeCloudfrontKeyId: accessKeyId, purgeCloudfrontSecret: secretAccessKey } = config
    const sign = openAwsSigner({
      service: 'cloudfront',
      region: CLOUDFRONT_REGION,
      credentials:
        accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey },
    })
    targets.push(openCloudFront({ api: config.purgeCloudfrontApi, distribution, sign, clock }))
  }
  const { purgeVarnishUrls, purgeVarnishToken: token } = config
  if (token !== undefined) targets.push(...purgeVarnishUrls.map(url => openVarnish({ url, token, clock })))
  return targets
}
