/** The worked examples of the S3 API reference, "Authenticating Requests (AWS Signature Version 4)". */
import { describe, expect, it } from 'vitest'
import { type Authentication, openAuthenticator } from '../../src/embedded/s3/authenticate.ts'
import { decodeChunked } from '../../src/embedded/s3/chunked.ts'
import type { S3Request } from '../../src/embedded/s3/request.ts'
import { EMPTY_SHA256 } from '../../src/embedded/s3/signature.ts'

const accessKeyId = 'AKIAIOSFODNN7EXAMPLE'
const credential = { accessKeyId, secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', region: 'us-east-1' }
const now = Date.parse('2013-05-24T00:00:00Z')
const host = 'examplebucket.s3.amazonaws.com'
const authenticate = openAuthenticator(credential)

const authorization = (signedHeaders: string, signature: string): string =>
  `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`

const exampleRequest = (fields: Partial<S3Request> & { headers: S3Request['headers'] }): S3Request => {
  const pairs = fields.pairs ?? []
  return { method: 'GET', bucket: 'examplebucket', key: 'x', path: '/', ...fields, pairs, query: new Map(pairs) }
}

const getExample = exampleRequest({
  path: '/test.txt',
  headers: {
    host,
    range: 'bytes=0-9',
    'x-amz-content-sha256': EMPTY_SHA256,
    'x-amz-date': '20130524T000000Z',
    authorization: authorization(
      'host;range;x-amz-content-sha256;x-amz-date',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
  },
})

const putExample = exampleRequest({
  method: 'PUT',
  path: '/test$file.text',
  headers: {
    host,
    date: 'Fri, 24 May 2013 00:00:00 GMT',
    'x-amz-date': '20130524T000000Z',
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    authorization: authorization(
      'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ),
  },
})

const listExample = exampleRequest({
  pairs: [
    ['max-keys', '2'],
    ['prefix', 'J'],
  ],
  headers: {
    host,
    'x-amz-content-sha256': EMPTY_SHA256,
    'x-amz-date': '20130524T000000Z',
    authorization: authorization(
      'host;x-amz-content-sha256;x-amz-date',
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ),
  },
})

const presignedExample = exampleRequest({
  path: '/test.txt',
  headers: { host },
  pairs: [
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${accessKeyId}/20130524/us-east-1/s3/aws4_request`],
    ['X-Amz-Date', '20130524T000000Z'],
    ['X-Amz-Expires', '86400'],
    ['X-Amz-SignedHeaders', 'host'],
    ['X-Amz-Signature', 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'],
  ],
})

const chunkedExample = exampleRequest({
  method: 'PUT',
  path: '/examplebucket/chunkObject.txt',
  headers: {
    host: 's3.amazonaws.com',
    'x-amz-date': '20130524T000000Z',
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': '66560',
    'content-length': '66824',
    authorization: authorization(
      'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class',
      '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
    ),
  },
})

describe('signature version 4', () => {
  it.each([
    ['GET', getExample],
    ['PUT', putExample],
    ['list', listExample],
    ['presigned', presignedExample],
    ['chunked', chunkedExample],
  ])('accepts the %s example of the reference, at its time', (_, request) => {
    expect(authenticate(request, now).dateTime).toBe('20130524T000000Z')
  })

  const refusal = (request: S3Request, at = now): string => {
    try {
      authenticate(request, at)
    } catch (error) {
      return (error as { code: string }).code
    }
    return 'accepted'
  }
  const withHeaders = (headers: S3Request['headers']): S3Request => ({
    ...getExample,
    headers: { ...getExample.headers, ...headers },
  })

  it('refuses what was changed, added, removed or cut', () => {
    expect(refusal({ ...getExample, method: 'DELETE' })).toBe('SignatureDoesNotMatch')
    expect(refusal({ ...getExample, path: '/test.txt2' })).toBe('SignatureDoesNotMatch')
    expect(refusal({ ...getExample, pairs: [['acl', '']] })).toBe('SignatureDoesNotMatch')
    expect(refusal(withHeaders({ range: 'bytes=0-10' }))).toBe('SignatureDoesNotMatch')
    expect(refusal(withHeaders({ range: undefined }))).toBe('AccessDenied')
    expect(refusal(withHeaders({ 'x-amz-meta-more': 'x' }))).toBe('AccessDenied')
    expect(refusal(withHeaders({ authorization: undefined }))).toBe('AccessDenied')
    expect(refusal(withHeaders({ authorization: getExample.headers.authorization?.slice(0, -1) }))).toBe(
      'AuthorizationHeaderMalformed',
    )
  })

  it('refuses other keys, regions, services and dates', () => {
    const put = (from: string, to: string) =>
      withHeaders({ authorization: getExample.headers.authorization?.replace(from, to) })
    expect(refusal(put(accessKeyId, 'AKIAOTHER'))).toBe('InvalidAccessKeyId')
    expect(refusal(put('us-east-1', 'eu-west-1'))).toBe('AuthorizationHeaderMalformed')
    expect(refusal(put('/s3/', '/ec2/'))).toBe('AuthorizationHeaderMalformed')
    expect(refusal(put('20130524', '20130523'))).toBe('AuthorizationHeaderMalformed')
    const other = openAuthenticator({ ...credential, secretAccessKey: 'other' })
    expect(() => other(getExample, now)).toThrow(expect.objectContaining({ code: 'SignatureDoesNotMatch' }))
  })

  it('allows clocks to differ by a quarter of an hour, both ways', () => {
    const quarter = 15 * 60_000
    expect(refusal(getExample, now + quarter)).toBe('accepted')
    expect(refusal(getExample, now - quarter)).toBe('accepted')
    expect(refusal(getExample, now + quarter + 1)).toBe('RequestTimeTooSkewed')
    expect(refusal(getExample, now - quarter - 1)).toBe('RequestTimeTooSkewed')
  })

  it('ends a presigned URL at its second', () => {
    const day = 86_400_000
    expect(refusal(presignedExample, now + day)).toBe('accepted')
    expect(refusal(presignedExample, now + day + 1)).toBe('AccessDenied')
    expect(refusal(presignedExample, now - 16 * 60_000)).toBe('AccessDenied')
  })
})

describe('aws-chunked', () => {
  const signedBy: Authentication = authenticate(chunkedExample, now)
  const chunk = (bytes: number, signature: string) =>
    `${bytes.toString(16)};chunk-signature=${signature}\r\n${'a'.repeat(bytes)}\r\n`
  const wire = [
    chunk(65_536, 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648'),
    chunk(1_024, '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497'),
    chunk(0, 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'),
  ].join('')

  const decode = async (text: string, { every = 1_000, signed = true } = {}) => {
    const source = async function* () {
      for (let at = 0; at < text.length; at += every) yield Buffer.from(text.slice(at, at + every), 'latin1')
    }
    let trailers: ReadonlyMap<string, string> = new Map()
    const parts: Buffer[] = []
    const onTrailers = (found: ReadonlyMap<string, string>) => {
      trailers = found
    }
    const options = { signedBy: signed ? signedBy : undefined, onTrailers }
    for await (const part of decodeChunked(source(), options)) parts.push(part)
    return { body: Buffer.concat(parts).toString('latin1'), trailers: Object.fromEntries(trailers) }
  }

  it.each([1, 7, 1_000, 100_000])('decodes the signed example of the reference, %d bytes at a time', async every => {
    expect((await decode(wire, { every })).body).toBe('a'.repeat(66_560))
  })

  it('refuses changed data, a changed signature, a missing one and reordered chunks', async () => {
    const mismatch = expect.objectContaining({ code: 'SignatureDoesNotMatch' })
    await expect(decode(wire.replace('aaaa', 'aaba'))).rejects.toEqual(mismatch)
    await expect(decode(wire.replace('=0055', '=1055'))).rejects.toEqual(mismatch)
    await expect(decode(wire.replace(/;chunk-signature=0055[0-9a-f]+/, ''))).rejects.toEqual(mismatch)
    await expect(decode(wire.replace(/^10000;/, '400;'))).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' })
  })

  it('refuses a body that ends early or does not keep to the form', async () => {
    const incomplete = expect.objectContaining({ code: 'IncompleteBody' })
    for (const end of [10, 100, 65_700]) await expect(decode(wire.slice(0, end))).rejects.toEqual(incomplete)
    await expect(decode('xyz\r\n', { signed: false })).rejects.toEqual(incomplete)
    await expect(decode('4\r\nabcdef\r\n0\r\n\r\n', { signed: false })).rejects.toEqual(incomplete)
    await expect(decode('9'.repeat(20_000), { signed: false })).rejects.toEqual(incomplete)
  })

  it('gives trailers of an unsigned body', async () => {
    const text = '4\r\nabcd\r\n2\r\nef\r\n0\r\nX-Amz-Checksum-Crc32: abc=\r\n\r\n'
    for (const every of [1, 5, 1_000]) {
      expect(await decode(text, { every, signed: false })).toEqual({
        body: 'abcdef',
        trailers: { 'x-amz-checksum-crc32': 'abc=' },
      })
    }
  })
})
