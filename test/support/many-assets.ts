/** Ten thousand assets as uploads would have left them, written at once and never analysed: a database on its first morning. */
import pg from 'pg'

const digest = (kind: string): string => `decode(md5('${kind}' || i) || md5(i || '${kind}'), 'hex')`
const asset = `('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid`
const i = (count: number): string => `from generate_series(1, ${count}) as i`

/** In the collection `product-photo` of the demo set; each with one published version, two nodes and three leaves. */
export const insertManyAssets = async (connection: pg.ClientConfig, count = 10_000): Promise<void> => {
  const leaf = (product: string, rendition: string, node: string): string =>
    `insert into leaf (tenant_id, asset_id, version, product_id, rendition, revision, format, position, required, eager, node_id)
     select 'demo', ${asset}, 1, '${product}', '${rendition}', 1, 'jpeg', 0, true, true, ${digest(node)} ${i(count)}`
  const node = (kind: string): string =>
    `insert into node (tenant_id, node_id, original, chain, format, state, output, executions, queued_at, finished_at)
     select 'demo', ${digest(kind)}, ${digest('o')}, '[]', 'jpeg', 'DONE', ${digest(`d${kind}`)}, 1, now(), now() ${i(count)}`
  const derivative = (kind: string): string =>
    `insert into derivative (tenant_id, sha256, byte_length, media_type, width, height, object_key)
     select 'demo', ${digest(`d${kind}`)}, 1000, 'image/jpeg', 400, 300, 'seed/${kind}/' || i ${i(count)}`
  const statements = [
    `insert into original (tenant_id, sha256, byte_length, media_type, object_key, image)
     select 'demo', ${digest('o')}, 1000, 'image/jpeg', 'seed/o/' || i, '{}' ${i(count)}`,
    `insert into asset (tenant_id, asset_id, collection_id, owner_product, active_version, publication_no, next_version, next_event_no, created_by)
     select 'demo', ${asset}, 'product-photo', 'shop-web', 1, 1, 2, 4, 'seed' ${i(count)}`,
    `insert into asset_version (tenant_id, asset_id, version, sha256, state, publish_policy, created_by, ready_at, activated_at)
     select 'demo', ${asset}, 1, ${digest('o')}, 'ACTIVE', 'when-ready', 'seed', now(), now() ${i(count)}`,
    `insert into publication (tenant_id, asset_id, publication_no, version, reason, actor)
     select 'demo', ${asset}, 1, 1, 'auto', 'seed' ${i(count)}`,
    derivative('card'),
    derivative('hero'),
    node('card'),
    node('hero'),
    leaf('shop-web', 'card', 'card'),
    leaf('mobile', 'tile', 'card'),
    leaf('shop-web', 'hero', 'hero'),
    `with told as (update event_head set seq = seq + ${3 * count} returning seq)
     insert into event (event_id, seq, tenant_id, type, asset_id, asset_event_no, data, actor, correlation_id, sequenced_at)
     select gen_random_uuid(), told.seq - ${3 * count} + 3 * (i - 1) + n, 'demo', (array['asset.created', 'asset.version_created', 'asset.published'])[n],
            ${asset}, n, jsonb_build_object('version', 1, 'publication', 1), 'seed', 'seed', now()
     ${i(count)}, generate_series(1, 3) as n, told`,
  ]
  const client = new pg.Client(connection)
  await client.connect()
  try {
    await client.query('begin')
    for (const text of statements) await client.query(text)
    await client.query('commit')
  } finally {
    // Postgres counts what a session has written when it ends, at the latest.
    await client.end()
  }
}
