/** From payloads of other systems to wishes: the shapes that they document, and what is not of them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { adapt } from '../../src/ingest/adapters/adapt.ts'
import { aliasOf } from '../../src/ingest/source-work.ts'
import { isMatrixError } from '../../src/model/errors.ts'
import type { AdapterName } from '../../src/model/source-system.ts'

const adapted = (adapter: AdapterName, payload: unknown, baseUrl?: string) =>
  adapt(Buffer.from(JSON.stringify(payload)), { adapter, baseUrl })
const refused = { code: 'contract-violation' }

const event = {
  specversion: '1.0',
  id: '7',
  source: '/dam',
  type: 'com.example.asset.updated',
  subject: 'sku-4711',
  time: '2026-11-21T12:00:00Z',
  traceparent: 'an extension',
  data: {
    url: 'https://dam.example/a.jpg?sig=1',
    filename: 'a.jpg',
    labels: ['red', 'blue', 'red'],
    colour: 'unknown',
  },
}

describe('cloudevents', () => {
  test('with a URL', () => {
    const { key, wishes } = adapted('cloudevents', event)
    expect(key).toBe('[["/dam","7"]]')
    expect(wishes).toMatchObject([
      {
        externalId: 'sku-4711',
        content: { url: 'https://dam.example/a.jpg?sig=1' },
        filename: 'a.jpg',
        labels: ['blue', 'red'],
        hints: { id: '7', source: '/dam', type: 'com.example.asset.updated' },
      },
    ])
  })

  test('with the bytes in it', () => {
    const inline = { ...event, data: undefined, data_base64: 'aGVsbG8=', datacontenttype: 'text/plain' }
    expect(adapted('cloudevents', inline).wishes[0]?.content).toEqual({
      bytes: Buffer.from('hello'),
      mediaType: 'text/plain',
    })
  })

  test('in a batch, and one that says nothing new', () => {
    const removed = { ...event, id: '8', data: undefined }
    const { key, wishes } = adapted('cloudevents', [event, removed])
    expect(key).toBe('[["/dam","7"],["/dam","8"]]')
    expect(wishes).toHaveLength(1)
  })

  test.each([
    ['another version', { ...event, specversion: '0.3' }],
    ['no id', { ...event, id: undefined }],
    ['no URL where one should be', { ...event, data: { url: 'a.jpg' } }],
    ['a label that is none', { ...event, data: { ...event.data, labels: ['a b'] } }],
    ['an id that cannot be seen', { ...event, id: 'a\u0000' }],
    ['half a character', { ...event, subject: 'a\ud800' }],
    ['bytes that are none', { ...event, data_base64: '%%%' }],
    ['an empty batch', []],
    ['text', 'hello'],
    ['nothing', null],
  ])('with %s is refused', (_, payload) => {
    expect(() => adapted('cloudevents', payload)).toThrow(expect.objectContaining(refused))
  })
})

const record = (name: string, key: string, more: object = {}) => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  eventName: name,
  eventTime: '2026-11-21T12:00:00.000Z',
  s3: {
    s3SchemaVersion: '1.0',
    bucket: { name: 'photos' },
    object: { key, size: 7, eTag: 'abc', sequencer: '0055', ...more },
  },
})
const BASE = 'https://{bucket}.s3.example/'

describe('s3-events', () => {
  test('each object that was created is fetched from its bucket', () => {
    const Records = [
      record('ObjectCreated:Put', 'red+shoes/a%2Bb%C3%A9.jpg'),
      record('s3:ObjectCreated:CompleteMultipartUpload', 'b.jpg', { versionId: 'v&1' }),
      record('ObjectRemoved:Delete', 'c.jpg'),
    ]
    const { wishes } = adapted('s3-events', { Records }, BASE)
    expect(wishes.map(({ externalId, content }) => [externalId, content])).toEqual([
      ['photos/red shoes/a+bé.jpg', { url: 'https://photos.s3.example/red%20shoes/a%2Bb%C3%A9.jpg' }],
      ['photos/b.jpg', { url: 'https://photos.s3.example/b.jpg?versionId=v%261' }],
    ])
  })

  test('a notification that is sent again has its key again, and a later change of the object another', () => {
    const keyOf = (sequencer: string) =>
      adapted('s3-events', { Records: [record('ObjectCreated:Put', 'a.jpg', { sequencer })] }, BASE).key
    expect(keyOf('0055')).toBe(keyOf('0055'))
    expect(keyOf('0056')).not.toBe(keyOf('0055'))
  })

  test('the one that is sent for a try says nothing new', () => {
    expect(adapted('s3-events', { Service: 'Amazon S3', Event: 's3:TestEvent', RequestId: 'r' }, BASE).wishes).toEqual(
      [],
    )
  })

  test.each(['../../etc/passwd', 'a/%2e%2e/b', '.', '%', 'a%00b', 'a%0ab', ''])('the key %j leads nowhere', key => {
    const payload = { Records: [record('ObjectCreated:Put', key)] }
    expect(() => adapted('s3-events', payload, BASE)).toThrow(expect.objectContaining(refused))
  })

  test('whatever a key is, it stays below the bucket', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), text => {
        try {
          const payload = { Records: [record('ObjectCreated:Put', encodeURIComponent(text))] }
          const [wish] = adapted('s3-events', payload, 'https://s3.example/{bucket}').wishes
          const url = new URL(wish && 'url' in wish.content ? wish.content.url : '')
          expect(url.origin).toBe('https://s3.example')
          expect(url.pathname.startsWith('/photos/')).toBe(true)
          expect(url.search + url.hash).toBe('')
          expect(decodeURIComponent(url.pathname.slice('/photos/'.length))).toBe(text)
        } catch (error) {
          if (!isMatrixError(error, 'contract-violation') && !(error instanceof URIError)) throw error
        }
      }),
    )
  })
})

test('what is no JSON is refused', () => {
  for (const raw of [Buffer.from('{'), Buffer.from(''), Buffer.from([0xff, 0xfe, 0x7b])])
    expect(() => adapt(raw, { adapter: 'cloudevents', baseUrl: undefined })).toThrow(expect.objectContaining(refused))
})

test('an alias is one, whatever it is called over there, and of two names never the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), name => {
      try {
        expect(aliasOf('dam', name)).toMatch(/^[\x21-\x7e]{1,200}$/)
      } catch (error) {
        if (!(error instanceof URIError)) throw error
      }
    }),
  )
  expect(aliasOf('dam', 'x'.repeat(300))).not.toBe(aliasOf('dam', `${'x'.repeat(299)}y`))
})
