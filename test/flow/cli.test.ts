/** `matrix`, as a shell runs it, beside a gateway as `npm start` starts it. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { photo as noisy, truncated } from '../support/images.ts'
import { runMatrix, type StartedGateway, startGateway } from '../support/started.ts'
import { until } from '../support/until.ts'

let gateway: StartedGateway
let root: string
let asset: string

const matrix = (...args: string[]) => runMatrix(root, args)

const photo = (background: string) =>
  sharp({ create: { width: 800, height: 600, channels: 3, background } })
    .jpeg()
    .toBuffer()

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'matrix-cli-'))
  gateway = await startGateway({ ASSET_MATRIX_DATA: join(root, '.data'), WORKERS: '1' })
  await writeFile(join(root, 'one.jpg'), await photo('#225588'))
  await writeFile(join(root, 'two.jpg'), await photo('#885522'))
})
afterAll(async () => {
  await gateway.end('SIGINT')
  await rm(root, { recursive: true, force: true })
})

describe('beside a running gateway no option is needed', () => {
  test('put says what became of a file, and says the same when it is repeated', async () => {
    const first = await matrix('put', 'one.jpg')
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^[0-9a-f-]{36} {2}v1 {2}\w+$/) })
    asset = first.out.slice(0, 36)
    expect((await matrix('put', 'one.jpg')).out.slice(0, 36)).toBe(asset)
  })

  test('audit lists, copies and verifies, and finds what was changed in a copy', async () => {
    expect((await matrix('audit', 'list', '--resource', `assets/${asset}`)).out).toMatch(
      new RegExp(
        `^\\S+Z {2}allowed {2}\\w+(?: \\(\\S+\\))? {2}asset\\.create {2}assets/${asset} {2}from 127\\.0\\.0\\.1 {2}\\{\\} -> \\{`,
      ),
    )
    const whole = await matrix('audit', 'verify')
    expect(whole).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+ rows, each as it was chained\.\n.*: \d+:[0-9a-f]{64}$/),
    })
    const place = whole.out.slice(whole.out.lastIndexOf(' ') + 1)
    expect((await matrix('audit', 'verify', '--since', place)).out).toMatch(/^0 rows/)
    expect((await matrix('audit', 'export', '--file', 'audit.ndjson')).code).toBe(0)
    expect((await matrix('audit', 'verify', '--file', 'audit.ndjson')).out).toBe(whole.out)
    expect((await matrix('audit', 'export', '--file', 'audit.ndjson')).code).toBe(2)
    const copy = (await matrix('audit', 'export', '--after', '1')).out
    await writeFile(join(root, 'later.ndjson'), copy)
    expect((await matrix('audit', 'verify', '--file', 'later.ndjson')).code).toBe(0)
    await writeFile(join(root, 'forged.ndjson'), copy.replace('"outcome":"allowed"', '"outcome":"denied"'))
    expect(await matrix('audit', 'verify', '--file', 'forged.ndjson')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^Row 2 \(\S+\) is not what was chained\./),
    })
    const other = `${place.split(':')[0]}:${'0'.repeat(64)}`
    expect((await matrix('audit', 'verify', '--since', other)).code).toBe(1)
    expect((await matrix('audit', 'verify', '--since', 'x')).code).toBe(2)
    expect((await matrix('audit', 'verify', '--file', 'nothing.ndjson')).code).toBe(2)
  })

  test('ownership is a table of products and collections, as text, Markdown and JSON', async () => {
    const { code, out } = await matrix('ownership')
    expect(code).toBe(0)
    expect(out.split('\n')[0]).toMatch(/^product +avatar +product-photo$/)
    expect(out).toMatch(/^shop-web +reader +owner$/m)
    expect((await matrix('ownership', '--markdown')).out).toMatch(
      /^\| product \| avatar \| product-photo \|\n\| --- \|/,
    )
    expect(JSON.parse((await matrix('ownership', '--json')).out).items).toHaveLength(2)
    expect((await matrix('ownership', '--asset', asset)).out).toMatch(/^shop-web +collection +owner +resolve$/m)
  })

  test('policy test ends with 1 and a difference where an answer is not the one that is expected', async () => {
    const file = join(root, 'cases.yaml')
    const live = `
cases:
  - { principal: { product: shop-web }, action: publish, collection: product-photo, expect: allow }
  - { name: nobody reads, principal: anonymous, product: shop-web, action: read, collection: product-photo, expect: hide }
`
    await writeFile(file, live)
    expect(await matrix('policy', 'test', file)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ok .*\nok +nobody reads$/),
    })
    await writeFile(file, live.replace('expect: hide', 'expect: { effect: allow, rule: public-edge }'))
    const failed = await matrix('policy', 'test', file)
    expect(failed).toMatchObject({ code: 1, err: '1 of 2 cases failed' })
    expect(failed.out).toContain('FAILED  nobody reads\n  - allow  by public-edge\n  + hide  by anonymous\n')
    await writeFile(file, `${live}edges: []\n`)
    expect(await matrix('--url', 'http://127.0.0.1:9', 'policy', 'test', file)).toMatchObject({ code: 1 })
    await writeFile(file, 'cases: [{}]')
    expect(await matrix('policy', 'test', file)).toMatchObject({ code: 2 })
  })

  test('capabilities lists what can be asked for', async () => {
    const { code, out } = await matrix('capabilities')
    expect(code).toBe(0)
    expect(out).toMatch(/^engine vips8\.18\/\d+, libvips 8\.18\./)
    expect(out).toMatch(/^reads jpeg png webp avif gif tiff; at most bytes \d+/m)
    expect(out).toMatch(/^writes gif, animated too; at most side \d+, pixels \d+/m)
    expect(out).toMatch(/^resize\n {2}width +1 to 4096$/m)
    expect(JSON.parse((await matrix('capabilities', '--json')).out)).toMatchObject({
      engine: { line: expect.stringMatching(/^vips/) },
    })
  })

  test('put --json is one object a file', async () => {
    const { code, out } = await matrix('put', 'one.jpg', 'two.jpg', '--json')
    expect(code).toBe(0)
    const [one, two] = out.split('\n').map(line => JSON.parse(line))
    expect(one).toMatchObject({ asset, version: 1, digest: expect.stringMatching(/^sha256:/) })
    expect(two.asset).not.toBe(asset)
  })

  test('put --asset makes the next version, and --alias names a new asset', async () => {
    expect(await matrix('put', '--asset', asset, 'two.jpg')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${asset}  v2`),
    })
    expect((await matrix('put', '--alias', 'sku-1', 'two.jpg')).code).toBe(0)
    expect(await matrix('put', '--alias', 'sku-1', 'one.jpg', '--json')).toMatchObject({
      code: 1,
      err: expect.stringContaining('"code":"alias-conflict"'),
    })
  })

  test('aliases are given with a file, found, added and taken away', async () => {
    const put = await matrix('put', 'one.jpg', '--known-as', 'erp:A 1,2:%', '--hint', 'legacy_id=A-1', '--json')
    expect(put).toMatchObject({ code: 0 })
    const { asset: named } = JSON.parse(put.out)
    expect(await matrix('aliases', 'find', 'erp:A 1,2:%')).toMatchObject({ code: 0, out: named })
    expect((await matrix('aliases', 'add', named, 'dam:7', 'crm:x')).out).toBe('crm:x\ndam:7\nerp:A 1,2:%')
    expect((await matrix('aliases', 'remove', named, 'crm:x', 'crm:y')).out).toBe('dam:7\nerp:A 1,2:%')
    expect(JSON.parse((await matrix('aliases', 'list', named, '--json')).out).items).toMatchObject([
      { namespace: 'dam', external_id: '7' },
      { namespace: 'erp', external_id: 'A 1,2:%' },
    ])
    expect(await matrix('aliases', 'add', asset, 'dam:7')).toMatchObject({
      code: 1,
      err: 'alias-conflict: Another asset has this alias.',
    })
    expect((await matrix('aliases', 'find', 'crm:x')).code).toBe(1)
    expect((await matrix('aliases', 'find', 'crm')).code).toBe(2)
  })

  test('patch changes labels and attributes', async () => {
    const first = await matrix('patch', asset, '-l', 'press', '-l', 'draft', '-s', 'seo.title=A shoe', '-s', 'price=3')
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining(`${asset}  draft press\n`) })
    const second = await matrix('patch', asset, '-u', 'draft', '-s', 'seo.text=x=y', '--unset', 'price', '--json')
    expect(JSON.parse(second.out)).toMatchObject({
      labels: ['press'],
      attributes: { seo: { title: 'A shoe', text: 'x=y' } },
    })
    expect(JSON.parse(second.out).attributes).not.toHaveProperty('price')
    expect((await matrix('patch', asset)).code).toBe(2)
    expect((await matrix('patch', asset, '-s', 'nothing')).code).toBe(2)
    expect(await matrix('patch', asset, '-l', 'A B')).toMatchObject({
      code: 1,
      err: expect.stringContaining('contract-violation'),
    })
  })

  test('assets list is a table of what is found, and show what is said of one', async () => {
    const set = ['--set', 'season=spring', '--set', 'price=12']
    const put = await matrix('put', 'two.jpg', '--label', 'found', ...set)
    const id = put.out.slice(0, 36)
    const list = await matrix('assets', 'list', '--label', 'found', '--attribute', 'price>10', '--text', 'two')
    const [head, row, ...more] = list.out.split('\n')
    expect(head?.split(/ {2,}/)).toEqual(['asset', 'collection', 'status', 'version', 'alias', 'labels', 'changed'])
    expect(row).toMatch(new RegExp(`^${id} {2}product-photo `))
    expect(more).toEqual([])
    expect((await matrix('assets', 'list', '--attribute', 'price>12')).out.split('\n')).toHaveLength(1)
    const newest = await matrix('--json', 'assets', 'list', '--sort', '-created', '--limit', '1')
    expect(JSON.parse(newest.out)).toMatchObject([{ id, attributes: { season: 'spring', price: 12 } }])
    expect((await matrix('assets', 'show', id)).out).toContain('"season": "spring"')
    expect((await matrix('assets', 'list', '--limit', '0')).code).toBe(2)
  })

  test('resolve waits, prints a URL that works, and fetches', async () => {
    const found = await matrix('resolve', 'shop-web', asset, 'card', '--json', '-o', 'card.jpg')
    expect(found.code).toBe(0)
    const { state, delivery, width } = JSON.parse(found.out)
    expect({ state, width }).toEqual({ state: 'ready', width: 400 })
    expect((await fetch(delivery.url)).status).toBe(200)
    expect(await sharp(join(root, 'card.jpg')).metadata()).toMatchObject({ format: 'jpeg', width: 400, height: 300 })
    const [url, facts] = (await matrix('resolve', 'shop-web', asset, 'card')).out.split('\n')
    expect(url).toMatch(/^http/)
    expect(facts).toMatch(/^v\d {2}image\/jpeg {2}400 x 300 {2}\d+ bytes {2}shared with 1 other product {2}until /)
  })

  test('picture is the element, and manifest what there is; a copy of it is compared', async () => {
    const { code, out, err } = await matrix('picture', 'shop-web', asset, 'card', '--wait', '30')
    expect({ code, out, err }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^<picture><source [^<>]+><img [^<>]+><\/picture>$/),
    })
    expect(err).toMatch(/Its URLs work until \S+Z\.$/)
    const whole = await matrix('manifest', 'shop-web')
    expect(whole.code).toBe(0)
    expect(whole.out).toContain(`{"asset":"${asset}"`)
    expect(whole.out).toMatch(/\{"trailer":\{.*\}\}$/)
    await writeFile(join(root, 'copy.ndjson'), '')
    const lacking = await matrix('manifest', 'shop-web', '--compare', 'copy.ndjson', '--first', '1')
    expect(lacking).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^0 the same\n\d+ missing\n {2}[0-9a-f-]{36} \w+ \w+/),
    })
    expect((await matrix('manifest', 'shop-web', '--compare', 'nothing.ndjson')).code).toBe(2)
  })

  test('resolve gives the original, too', async () => {
    const { code, out } = await matrix('resolve', 'shop-web', asset, 'original')
    expect({ code, out }).toMatchObject({ code: 0, out: expect.not.stringContaining('undefined') })
  })

  test('resolve answers a file line by line, however long, and says so where one is refused', async () => {
    const wish = JSON.stringify({ asset, rendition: 'card', format: 'jpeg' })
    await writeFile(join(root, 'wishes.ndjson'), `${wish}\n\n`.repeat(201))
    const { code, out, err } = await matrix('resolve', 'shop-web', '--batch', 'wishes.ndjson')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const answers = out.split('\n').map(line => JSON.parse(line))
    expect(answers.map(({ line }) => line)).toEqual(Array.from({ length: 201 }, (_, at) => 2 * at + 1))
    for (const answer of answers)
      expect(answer).toMatchObject({ asset, rendition: 'card', status: 200, resolution: { media_type: 'image/jpeg' } })

    const unknown = JSON.stringify({ asset, rendition: 'nowhere' })
    await writeFile(join(root, 'wishes.ndjson'), `${unknown}\n${wish}`)
    const refused = await matrix('resolve', 'shop-web', '-b', 'wishes.ndjson')
    expect(refused).toMatchObject({ code: 1, err: '1 ready, 0 being made, 1 refused.' })
    expect(refused.out.split('\n').map(line => JSON.parse(line))).toMatchObject([
      { line: 1, rendition: 'nowhere', status: 404, problem: { code: 'not-found' } },
      { line: 2, rendition: 'card', status: 200 },
    ])

    await writeFile(join(root, 'wishes.ndjson'), `${wish}\n{"asset":"${asset}","rendition":"card","size":1}`)
    expect(await matrix('resolve', 'shop-web', '-b', 'wishes.ndjson')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^wishes\.ndjson, lines 1 to 2: contract-violation: [\s\S]*size/),
    })
    await writeFile(join(root, 'wishes.ndjson'), `${wish}\n{"asset":`)
    expect(await matrix('resolve', 'shop-web', '-b', 'wishes.ndjson')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^wishes\.ndjson:2: /),
    })
  })

  test('explain tells how an answer came about, and without a rendition the plan', async () => {
    const answer = await matrix('explain', 'shop-web', asset, 'card')
    expect(answer).toMatchObject({ code: 0, err: '' })
    expect(answer.out).toContain('card')
    const plan = await matrix('explain', 'shop-web', asset, '--number', '1', '--json')
    expect(plan.code).toBe(0)
    expect(JSON.parse(plan.out).text).toContain('tile')
  })

  test('explain asks as others, and says why they are refused', async () => {
    const refused = await matrix('explain', 'mobile', asset, 'original', '--as', 'mobile', '--scopes', 'publish')
    expect(refused).toMatchObject({ code: 0, out: expect.stringContaining('scope-missing:resolve') })
    expect(refused.out).toContain('=> 403 forbidden')
    const nobody = await matrix('explain', 'mobile', asset, 'tile', '--as', 'anonymous', '--json')
    expect(JSON.parse(nobody.out)).toMatchObject({ outcome: 'not-found', status: 404 })
  })

  test('publish makes a version current, now or at a time, which schedule shows and takes back', async () => {
    await writeFile(join(root, 'spring.jpg'), await photo('#118811'))
    await writeFile(join(root, 'summer.jpg'), await photo('#ddaa11'))
    const made = JSON.parse((await matrix('put', 'spring.jpg', '--json')).out)
    await matrix('resolve', 'shop-web', made.asset, 'card', '--wait', '10')
    const next = await matrix('put', 'summer.jpg', '--asset', made.asset, '--publish', 'manual', '--json')
    expect(JSON.parse(next.out)).toMatchObject({ version: 2 })
    const later = await matrix('publish', made.asset, '2', '--at', '2030-01-01T00:00:00+01:00')
    expect(later).toMatchObject({ code: 0, out: `${made.asset}  version 2 at 2029-12-31T23:00:00.000Z` })
    expect((await matrix('schedule', 'show', made.asset)).out).toBe(later.out)
    expect((await matrix('schedule', 'cancel', made.asset)).code).toBe(0)
    expect(await matrix('schedule', 'show', made.asset)).toMatchObject({
      code: 1,
      err: expect.stringContaining('not-found'),
    })
    const complete = async () => (await matrix('publish', made.asset, '2')).code === 0
    await until('the version is complete, and published', complete, { withinMs: 30_000 })
    const soon = new Date(Date.now() + 3_000).toISOString()
    expect((await matrix('schedule', 'set', made.asset, '--publish', '1', '--at', soon)).code).toBe(0)
    const done = async () => (await matrix('schedule', 'show', made.asset)).code === 1
    await until('it is done', done, { withinMs: 30_000 })
    expect(await matrix('publish', made.asset, '1')).toMatchObject({
      code: 0,
      out: expect.stringContaining('publication 3'),
    })
  })

  test('erase ends with the receipt', async () => {
    await writeFile(join(root, 'gone.txt'), 'soon gone')
    const put = JSON.parse((await matrix('put', 'gone.txt', '--json')).out)
    const gone = await matrix('erase', put.asset, '-r', 'case 7')
    expect(gone).toMatchObject({ code: 0, out: expect.stringContaining('SUCCEEDED  1 objects of 9 bytes deleted') })
    expect(await matrix('erase', put.asset, '-r', 'again')).toMatchObject({
      code: 1,
      err: expect.stringContaining('asset-erased'),
    })
    const listed = await matrix('operations', 'list')
    expect(listed.out).toContain(`erase ${put.asset} (case 7)`)
  })

  test('products changes what is named, and leaves the rest', async () => {
    const set = (...args: string[]) => matrix('products', 'set', 'shop-web', ...args)
    expect((await set('--origin', 'https://a.example', '--origin', 'https://b.example', '--client-hints')).out).toMatch(
      /^shop-web {2}.+ {2}share 1\norigins {2}https:\/\/a\.example https:\/\/b\.example\nclient hints$/,
    )
    expect(JSON.parse((await set('--share', '3', '--json')).out)).toMatchObject({
      share: 3,
      origins: ['https://a.example', 'https://b.example'],
      client_hints: true,
    })
    expect((await set('--no-origins', '--no-client-hints', '--share', '1')).out).toMatch(/^shop-web {2}.+ {2}share 1$/)
    expect((await set('--origin', 'a.example')).err).toContain('/origins/0')
    expect((await matrix('products', 'list')).out.split('\n')).toHaveLength(3)
  })

  test('usage tells what a product has used, and of what', async () => {
    const { code, out } = await matrix('usage', 'shop-web')
    expect(code).toBe(0)
    expect(out).toMatch(
      /^shop-web {2}\d{4}-\d{2}-\d{2}\ncpu +[\d.]+ s, no limit \(\d+ derivatives\)\nstored +[\d.]+ MB, no limit \(\d+ originals\)\ntenant/,
    )
    expect(JSON.parse((await matrix('usage', 'shop-web', '--json')).out)).toMatchObject({
      product: 'shop-web',
      variants: { limit: 64 },
    })
    expect((await matrix('usage', 'nobody')).code).toBe(1)
  })

  test('keys are made, listed and revoked, and the admin key is printed again', async () => {
    const admin = await matrix('keys', 'admin')
    expect(admin.out).toBe((await readFile(join(root, '.data/admin.key'), 'utf8')).trim())
    const made = JSON.parse((await matrix('keys', 'create', 'mobile', '-l', 'phone', '-s', 'resolve', '--json')).out)
    expect(made).toMatchObject({ product: 'mobile', scopes: ['resolve'] })
    expect((await matrix('resolve', 'mobile', asset, 'tile', '--key', made.secret)).code).toBe(0)
    expect((await matrix('keys', 'list', 'mobile')).out).toMatch(new RegExp(`${made.id} {2}phone {2}resolve`))
    const [next = '', secret = '', end] = (await matrix('keys', 'rotate', made.id, '-o', '1h')).out.split('\n')
    expect(end).toMatch(new RegExp(`^${made.id} ends 20`))
    expect((await matrix('resolve', 'mobile', asset, 'tile', '--key', secret)).code).toBe(0)
    expect((await matrix('keys', 'list', 'mobile')).out).toMatch(
      new RegExp(`${made.id} {2}until \\S+ phone {2}resolve {2}never used\n${next} {2}phone {2}resolve`),
    )
    expect((await matrix('keys', 'revoke', made.id)).code).toBe(0)
    expect((await matrix('resolve', 'mobile', asset, 'tile', '--key', made.secret)).code).toBe(1)
    expect((await matrix('keys', 'list', 'mobile')).out).toMatch(new RegExp(`${made.id} {2}revoked phone`))
  })

  test('issuers are put from a file, listed and deleted', async () => {
    expect(await matrix('issuers', 'list')).toEqual({ code: 0, out: 'No issuer is believed.', err: '' })
    const subjects = [{ value: 'phone', product: 'mobile', scopes: ['resolve'] }]
    const issuer = { iss: 'https://login.example/', audience: 'matrix', jwks_uri: 'https://login.example/keys' }
    await writeFile(join(root, 'issuer.json'), JSON.stringify({ ...issuer, algorithms: ['ES256'], subjects }))
    const shown = 'idp  https://login.example/  for matrix  ES256\n  sub phone is mobile  resolve'
    expect(await matrix('issuers', 'put', 'idp', 'issuer.json', '--validate-only')).toMatchObject({
      code: 0,
      out: shown,
    })
    expect((await matrix('issuers', 'list')).out).toBe('No issuer is believed.')
    expect((await matrix('issuers', 'put', 'idp', 'issuer.json')).out).toBe(shown)
    expect((await matrix('issuers', 'list')).out).toBe(shown)
    expect((await matrix('issuers', 'put', 'idp', 'missing.json')).code).toBe(2)
    expect((await matrix('issuers', 'put', 'idp', 'photo.jpg')).code).toBe(2)
    expect((await matrix('issuers', 'delete', 'idp')).out).toBe('idp is believed no more')
    expect((await matrix('issuers', 'delete', 'idp')).code).toBe(1)
  })

  test('dead-letters names what was given up, and tries it again', async () => {
    expect(await matrix('dead-letters', 'list')).toEqual({ code: 0, out: 'Nothing is dead.', err: '' })
    await writeFile(join(root, 'torn.jpg'), truncated(await noisy(), 0.6))
    const torn = (await matrix('put', 'torn.jpg')).out.slice(0, 36)
    const dead = async () => {
      const { items } = JSON.parse((await matrix('dead-letters', 'list', '--class', 'corrupt-media', '--json')).out)
      return items.length > 0 && items
    }
    const [{ id }] = await until('it is given up', dead, { withinMs: 30_000 })
    const { code, out } = await matrix('dead-letters', 'list', '--limit', '1')
    expect(code).toBe(0)
    expect(out).toMatch(/^sha256:[0-9a-f]{64} {2}corrupt-media {2}1 tries, 0 crashes {2}\d{4}-/)
    expect(out).toContain(torn)
    expect(await matrix('dead-letters', 'redrive', id)).toEqual({ code: 0, out: '1 queued again', err: '' })
    await until('it is given up again', dead, { withinMs: 30_000 })
    expect((await matrix('dead-letters', 'redrive', '--all')).out).toMatch(/^[1-9]\d* queued again$/)
    expect((await matrix('dead-letters', 'redrive', '--class', 'no-such')).out).toBe('0 queued again')
  })

  test('import carries a manifest out, says what failed, and takes it back', async () => {
    await writeFile(join(root, 'brought.jpg'), await photo('#a04050'))
    const { digest } = JSON.parse((await matrix('put', 'brought.jpg', '--json')).out)
    const line = (more: object) => JSON.stringify({ sha256: digest, collection: 'product-photo', ...more })
    await writeFile(join(root, 'manifest.ndjson'), `${line({ ref: 'one' })}\n${line({ ref: 'two' })}\n`)
    const whole = await matrix('import', 'manifest.ndjson')
    expect(whole).toMatchObject({
      code: 0,
      out: expect.stringMatching(/import into product-photo {2}SUCCEEDED {2}2 of 2$/),
    })
    const id = whole.out.split('\n').at(-1)?.slice(0, 36) ?? ''
    // The same manifest is the same import.
    expect((await matrix('import', 'manifest.ndjson')).out).toContain(id)
    const told = (await matrix('operations', 'results', id)).out.split('\n')
    expect(told.map(one => one.trim().replace(/[0-9a-f-]{36}/, '<asset>'))).toEqual([
      '1  done        <asset> v1  one',
      '2  done        <asset> v1  two',
    ])
    expect((await matrix('operations', 'undo', id)).out).toMatch(/COMPENSAT/)
    expect(await matrix('operations', 'watch', id)).toMatchObject({
      code: 0,
      out: expect.stringContaining('COMPENSATED'),
    })

    await writeFile(join(root, 'mixed.ndjson'), `${line({})}\n${line({ sha256: 'a'.repeat(64), ref: 'missing' })}\n`)
    const mixed = await matrix('import', 'mixed.ndjson')
    expect(mixed).toMatchObject({ code: 1, err: expect.stringContaining('PARTIAL') })
    expect(mixed.out).toMatch(/ 2 {2}failed {6}missing {2}not-found: No asset of this product has these bytes\.$/)
    await writeFile(join(root, 'wrong.ndjson'), 'no JSON')
    expect(await matrix('import', 'wrong.ndjson')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^contract-violation: Line 1 [\s\S]*\/1: Expected JSON\.$/),
    })
    expect((await matrix('import', 'no-such.ndjson')).code).toBe(2)
  })

  test('backfill makes a rendition for what is there, and operations tell how far it is', async () => {
    const begun = await matrix('backfill', 'product-photo', 'shop-web', 'card', '--json')
    expect(begun.code).toBe(0)
    const { id } = JSON.parse(begun.out)
    // Not a terminal: plain lines, the last of which says how it ended; some of what is there cannot be decoded.
    const watched = await matrix('operations', 'watch', id)
    expect(watched.out.split('\n').at(-1)).toMatch(
      new RegExp(`^${id}  backfill product-photo shop-web/card r1  (SUCCEEDED|PARTIAL)  `),
    )
    expect(watched.code).toBe(watched.out.includes('SUCCEEDED') ? 0 : 1)
    expect((await matrix('operations', 'list')).out).toContain(id)
    expect((await matrix('operations', 'list', '--state', 'PAUSED')).out).toBe('There are none.')
    expect(await matrix('operations', 'pause', id)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^conflict: /),
    })
    expect(await matrix('backfill', 'product-photo', 'shop-web', 'no-such')).toMatchObject({ code: 1 })
    const whole = await matrix('backfill', 'avatar', 'mobile', 'face', '--watch')
    expect(whole).toMatchObject({ code: 0, out: expect.stringContaining('SUCCEEDED  0 of 0') })
  })

  test('calibrate has the costs of the machine measured', async () => {
    const { code, out } = await matrix('calibrate')
    expect(code).toBe(0)
    expect(out).toMatch(/measured \d{4}-[\s\S]*\n {2}encode avif 2 +[\d.]+ ms a megapixel/)
  })

  test('seed may be repeated and leaves the keys in use alone', async () => {
    const before = await readFile(join(root, '.data/keys.json'), 'utf8')
    const { code, out } = await matrix('seed', '--json')
    expect(code).toBe(0)
    expect(Object.keys(JSON.parse(out))).toEqual(['shop-web', 'mobile', 'partner-api'])
    expect(await readFile(join(root, '.data/keys.json'), 'utf8')).toBe(before)
  })

  test('doctor finds a new system healthy', async () => {
    const { code, out } = await matrix('doctor', '--json')
    expect(JSON.parse(out)).toMatchObject({ healthy: true })
    expect(code).toBe(0)
    expect((await matrix('doctor')).out.split('\n').every(line => line.startsWith('ok  '))).toBe(true)
  })
})

describe('exit codes', () => {
  test('1: refused', async () => {
    const missing = '00000000-0000-7000-8000-000000000000'
    expect(await matrix('resolve', 'shop-web', missing, 'card')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^not-found: /),
    })
    const { err } = await matrix('resolve', 'shop-web', missing, 'card', '--json')
    expect(JSON.parse(err)).toEqual({ error: { code: 'not-found', message: expect.any(String), exit_code: 1 } })
  })

  test.each([
    ['no command', []],
    ['an unknown command', ['frobnicate']],
    ['an unknown option', ['doctor', '--frobnicate']],
    ['a missing argument', ['resolve', 'shop-web']],
    ['a batch that is not there', ['resolve', 'shop-web', '-b', 'nothing.ndjson']],
    ['a batch and an asset', ['resolve', 'shop-web', 'x', '-b', 'one.jpg']],
    ['a format that is none', ['resolve', 'a', 'b', 'c', '-f', 'bmp']],
    ['a wait that is no number', ['resolve', 'a', 'b', 'c', '-w', 'long']],
    ['a file that is not there', ['put', 'three.jpg']],
    ['a folder', ['put', '.data']],
    ['two files for one asset', ['put', '-a', 'x', 'one.jpg', 'two.jpg']],
    ['nothing said of what to redrive', ['dead-letters', 'redrive']],
    ['all and some', ['dead-letters', 'redrive', '--all', '--class', 'timed-out']],
    ['a picture of no rollout', ['engine', 'status', '--leaf', '1', '-o', 'x.png']],
    ['a share of nothing', ['engine', 'rollout', '--share', '0']],
    ['a URL that is none', ['doctor', '--url', 'nowhere']],
    ['a folder without a key', ['doctor', '--data', 'elsewhere']],
  ])('2: %s', async (_what, args) => {
    const ran = await matrix(...args)
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/\w/) })
    expect(ran.err).not.toMatch(/\n\s+at /)
  })

  test('3: nobody answers', async () => {
    const ran = await matrix('doctor', '--url', 'http://127.0.0.1:1')
    expect(ran).toMatchObject({ code: 3, out: '', err: expect.stringContaining('http://127.0.0.1:1 does not answer') })
  })

  test('0: help, which is complete', async () => {
    const { code, out } = await matrix('--help')
    expect(code).toBe(0)
    for (const command of [
      'seed',
      'put',
      'resolve',
      'explain',
      'erase',
      'keys',
      'issuers',
      'doctor',
      'dead-letters',
      'rendition',
      'backfill',
      'import',
      'operations',
      'calibrate',
      'engine',
    ])
      expect(out).toMatch(new RegExp(`^ {2}${command}`, 'm'))
    expect((await matrix('put', '--help')).out).toMatch(/--publish <policy>[\s\S]*Global Options:[\s\S]*--json/)
  })
})

describe('links', () => {
  test('a signing key is made, signs without the gateway, is replaced and revoked', async () => {
    const made = await matrix('signing-keys', 'create', 'shop-web', '--label', 'web')
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^shop-web-[0-9a-z]{10}\nmtx_sign_\w{46}$/) })
    const [kid = '', secret = ''] = made.out.split('\n')
    const path = `/i/shop-web/${asset}/v1/card.jpg`
    const address = await matrix('url', 'shop-web', asset, 'card', '--number', '1', '--format', 'jpeg', '--dpr', '2')
    expect(address.out).toMatch(new RegExp(`^http.+/i/shop-web/${asset}/v1/card@2x\\.jpg$`))
    expect((await matrix('url', 'shop-web', asset, 'x/w_40,h_30', '--path-only')).out).toBe(
      `/i/shop-web/${asset}/current/x/h_30,w_40.auto`,
    )
    expect(await matrix('url', 'shop-web', asset, 'Card')).toMatchObject({ code: 2 })
    const sign = (...more: string[]) => matrix('sign', path, '--kid', kid, '--secret', secret, ...more)
    for (const place of [[], ['--in-path']]) {
      const { code, out } = await sign(...place)
      expect(code).toBe(0)
      expect((await fetch(out, { redirect: 'manual' })).status).toBe(302)
    }
    expect((await sign('--base', 'https://cdn.example')).out).toMatch(/^https:\/\/cdn\.example\/i\/.+&sig=[\w-]{43}$/)
    expect(await sign('--window', '0')).toMatchObject({ code: 2 })
    expect(await matrix('sign', '/v1/assets', '--kid', kid, '--secret', secret)).toMatchObject({ code: 2 })
    const rotated = await matrix('signing-keys', 'rotate', kid, '--overlap', '1h')
    expect(rotated.out).toMatch(new RegExp(`^shop-web-\\w+\nmtx_sign_\\w+\n${kid} ends 20`))
    expect(await matrix('signing-keys', 'revoke', kid)).toMatchObject({ code: 0, out: `${kid} is revoked` })
    expect((await fetch((await sign()).out, { redirect: 'manual' })).status).toBe(403)
    expect((await matrix('signing-keys', 'list', 'shop-web')).out).toMatch(
      new RegExp(`^${kid} {2}revoked 20.* {2}web$`, 'm'),
    )
  })

  test('an asset is shared, and the link taken back', async () => {
    const made = await matrix('shares', 'create', asset, '--renditions', 'card')
    expect(made.code).toBe(0)
    const [, id = '', url = ''] = /^(share_\w+) {2}until 20\S+\ncard {2}(http\S+)$/.exec(made.out) ?? []
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(302)
    expect((await matrix('shares', 'list', asset)).out).toMatch(
      new RegExp(`^${id} {2}shop-web {2}card {2}until 20`, 'm'),
    )
    expect(await matrix('shares', 'revoke', id)).toMatchObject({ code: 0, out: `${id} is revoked` })
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(404)
  })
})

test('engine: a rollout of what did not change is through at once, and can be promoted', async () => {
  expect(await matrix('engine', 'status')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/ {2}[0-9a-f]{16} {2}registered/),
  })
  const { code, out } = await matrix('engine', 'rollout', '--share', '100', '--wait', '--json')
  expect(code).toBe(0)
  const { id, state } = JSON.parse(out) as { id: string; state: string }
  expect(state).toBe('READY')
  expect((await matrix('engine', 'promote', id, '--wait')).out).toMatch(/PROMOTED .* 0 outputs change/)
  expect((await matrix('engine', 'status')).out).toContain(id)
  expect(await matrix('engine', 'register', '0'.repeat(16))).toMatchObject({ code: 1 })
})

test('a gateway that has stopped is not looked for where it was', async () => {
  await gateway.end('SIGINT')
  expect(existsSync(join(root, '.data/gateway.json'))).toBe(false)
})
