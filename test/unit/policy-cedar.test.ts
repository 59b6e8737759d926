/** Cedar itself, with policies from files: what they forbid, and what is found wrong with them before the gateway starts. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config.ts'
import { cedarRequest, openCedar } from '../../src/policy/cedar.ts'
import { CEDAR_SCHEMA } from '../../src/policy/cedar-schema.ts'
import type { PolicyInput } from '../../src/policy/engine.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-cedar-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const asset = { type: 'asset', id: 'a1', collection: 'photos', labels: ['press'], media_type: 'image/jpeg' } as const
const INPUT: PolicyInput = {
  tenant: 'demo',
  principal: { kind: 'key', id: 'key_1', product: 'shop', scopes: ['resolve'] },
  action: 'resolve',
  product: 'shop',
  resource: asset,
  context: { at: '2026-11-21T10:00:00.000Z', role: 'reader', rendition: 'card', client: '192.0.2.7' },
}
const NOBODY: PolicyInput = {
  ...INPUT,
  principal: { kind: 'anonymous', id: 'anonymous', product: null, scopes: [] },
  resource: { ...asset, labels: [], media_type: null },
  context: { at: '1970-01-01T00:00:00.000Z', role: null, rendition: null, client: null },
}

/** An engine over files of these texts. */
const open = async (...texts: readonly string[]) => {
  const path = await mkdtemp(join(folder, 'set-'))
  await Promise.all(texts.map((text, i) => writeFile(join(path, `${i}.cedar`), text)))
  return openCedar(path)
}
const objections = async (text: string, input: PolicyInput) => (await open(text)).object(input)

describe('what is asked', () => {
  const inputs: readonly (readonly [string, PolicyInput])[] = [
    ['a product about an asset', INPUT],
    ['nobody about an asset of which little is known', NOBODY],
    ['an administrator', { ...INPUT, principal: { kind: 'key', id: 'k', product: null, scopes: ['matrix:admin'] } }],
    ['about a collection', { ...INPUT, action: 'write', resource: { type: 'collection', id: 'photos' } }],
    ['from an IPv6 address', { ...INPUT, context: { ...INPUT.context, client: '2001:db8::1' } }],
  ]
  test.each(inputs)('fits the schema: %s', (_, input) => {
    const answer = cedar.isAuthorized({
      ...cedarRequest(input),
      schema: CEDAR_SCHEMA,
      validateRequest: true,
      policies: { staticPolicies: { all: 'permit (principal, action, resource);' } },
    })
    expect(answer).toMatchObject({ type: 'success', response: { decision: 'allow' } })
  })
})

describe('policies', () => {
  test('forbid what they name, by their names', async () => {
    const engine = await open(
      '@id("embargo") forbid (principal, action, resource is Asset) when { resource.labels.contains("embargo") };',
      'forbid (principal in Product::"shop", action == Action::"original", resource in Collection::"photos");\n' +
        'forbid (principal, action, resource is Asset) when { resource has mediaType && resource.mediaType like "video/*" };',
    )
    expect(await engine.object(INPUT)).toEqual([])
    const embargoed = { ...INPUT, resource: { ...asset, labels: ['x', 'embargo'] } }
    expect(await engine.object(embargoed)).toEqual(['embargo'])
    expect(await engine.object({ ...INPUT, action: 'original' })).toEqual(['1-1'])
    expect(await engine.object({ ...INPUT, resource: { ...asset, media_type: 'video/mp4' } })).toEqual(['1-2'])
    const both = await engine.object({ ...embargoed, action: 'original' })
    expect([...both].sort()).toEqual(['1-1', 'embargo'])
  })

  test.each<[string, string, PolicyInput, boolean]>([
    ['nobody', 'principal.kind == "anonymous"', NOBODY, true],
    ['scopes', 'principal.scopes.contains("resolve")', INPUT, true],
    ['the product in whose name', 'context.product == Product::"shop"', INPUT, true],
    ['the role', 'context has role && context.role == "owner"', INPUT, false],
    ['no role', '!(context has role)', NOBODY, true],
    ['the rendition', 'context has rendition && context.rendition == "card"', INPUT, true],
    ['networks', 'context has client && context.client.isInRange(ip("192.0.2.0/24"))', INPUT, true],
    ['other networks', 'context has client && context.client.isInRange(ip("10.0.0.0/8"))', INPUT, false],
    ['the hour', 'context.at.toTime() >= duration("9h") && context.at.toTime() < duration("11h")', INPUT, true],
    ['the day', 'context.at < datetime("2026-01-01")', INPUT, false],
    ['the tenant', 'context.tenant == "demo"', INPUT, true],
    ['the collection', 'resource in Collection::"photos"', INPUT, true],
  ])('can ask about %s', async (_, condition, input, forbids) => {
    const found = await objections(`@id("it") forbid (principal, action, resource) when { ${condition} };`, input)
    expect(found).toEqual(forbids ? ['it'] : [])
  })

  test('one that cannot be evaluated forbids', async () => {
    const overflow = '@id("sum") forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };'
    expect(await objections(overflow, INPUT)).toEqual(['sum-failed'])
  })

  test('a question that cannot be read is forbidden', async () => {
    const engine = await open('forbid (principal, action, resource) when { false && context.tenant == "x" };')
    const odd = { ...INPUT, context: { ...INPUT.context, client: 'nowhere' } }
    expect(await engine.object(odd)).toEqual(['not-evaluated'])
  })

  test('sets do not know each other', async () => {
    const [one, other] = await Promise.all([
      open('@id("one") forbid (principal, action, resource);'),
      open('@id("other") forbid (principal, action == Action::"publish", resource);'),
    ])
    expect([await one.object(INPUT), await other.object(INPUT)]).toEqual([['one'], []])
  })

  test('come from one file, too', async () => {
    const file = join(folder, 'single.txt')
    await writeFile(file, '@id("all") forbid (principal, action, resource);')
    expect(await (await openCedar(file)).object(INPUT)).toEqual(['all'])
  })
})

describe('what cannot be used is said when the gateway starts', () => {
  const forbid = '@id("a") forbid (principal, action, resource);'
  test.each<[string, readonly string[], RegExp]>([
    ['a text that is no policy', ['// fine\n\nforbid (principal, action resource);'], /0\.cedar:3: /],
    ['one that permits', ['@id("mine") permit (principal, action, resource);'], /mine permits; the matrix does that/],
    ['two of one name', [forbid, forbid], /1\.cedar: there is another policy a/],
    ['the name of ours', [forbid.replace('"a"', '"matrix"')], /another policy matrix/],
    ['an attribute that there is not', [`${forbid.slice(0, -1)} when { resource.label == "x" };`], /label/],
    [
      'an attribute that may be missing',
      [`${forbid.slice(0, -1)} when { context.client.isLoopback() };`],
      /optional attribute `client`.*has client/,
    ],
    ['an action that there is not', ['forbid (principal, action == Action::"read-all", resource);'], /read-all/],
    ['a template', ['forbid (principal == ?principal, action, resource);'], /template/],
    ['nothing', ['// nothing yet'], /no policy in/],
  ])('%s', async (_, texts, message) => {
    const failure = await open(...texts).catch(error => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect(failure.message).toMatch(/^POLICY_CEDAR: /)
    expect(failure.message).toMatch(message)
  })

  test('a path that leads nowhere, and a folder without policies', async () => {
    await expect(openCedar(join(folder, 'nowhere'))).rejects.toThrow(/^POLICY_CEDAR: there is no file or folder/)
    await mkdir(join(folder, 'empty'))
    await expect(openCedar(join(folder, 'empty'))).rejects.toThrow(/has no file that ends in \.cedar/)
  })
})
