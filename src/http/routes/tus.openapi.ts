import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import type { Env } from '../context.ts'
import { json, refusals, security } from '../openapi.ts'
import { TusUploadSchema } from '../tus/present.ts'

const bytes = { 'application/offset+octet-stream': { schema: z.any().openapi({ type: 'string', format: 'binary' }) } }
const tus = { 'Tus-Resumable': z.string().openapi({ example: '1.0.0' }) }
const params = z.object({ upload: z.uuid() })
const PATH = '/v1/tus/{upload}'

const refused = refusals(
  ...(['invalid-request', 'unauthenticated', 'forbidden', 'over-budget', 'attribute-forbidden', 'not-found'] as const),
  ...([
    'conflict',
    'alias-conflict',
    'upload-incomplete',
    'asset-archived',
    'tus-version',
    'payload-too-large',
  ] as const),
  ...([
    'unsupported-media',
    'contract-violation',
    'content-mismatch',
    'corrupt-media',
    'decompression-bomb',
    'upload-locked',
  ] as const),
  ...(['rate-limited', 'checksum-mismatch', 'storage-unavailable', 'storage-full'] as const),
)

/** The protocol describes itself; here is what of it is ours. */
export const documentTus = (app: OpenAPIHono<Env>): void => {
  const common = { tags: ['Ingest'], security }
  const { registerPath } = app.openAPIRegistry
  const register: typeof registerPath = route => app.openAPIRegistry.registerPath(route)
  register({
    ...common,
    method: 'post',
    path: '/v1/tus',
    summary: 'Begin an upload that can be resumed (tus 1.0)',
    request: {
      headers: z.object({
        ...tus,
        'Upload-Length': z.string(),
        'Upload-Metadata': z.string().openapi({
          description:
            '`collection` (and `alias`, `labels`, `attributes` as JSON) or `asset`; `filename`, `filetype`, `publish`, `sha256`: each with its value in base64',
        }),
      }),
      body: { required: false, content: bytes },
    },
    responses: {
      201: { description: '`Location` is the upload; with a body, `Upload-Offset` how far it is' },
      ...refused,
    },
  })
  register({
    ...common,
    method: 'patch',
    path: PATH,
    summary: 'Send bytes from an offset on; the last ones are answered when the version is stored',
    request: {
      params,
      headers: z.object({ ...tus, 'Upload-Offset': z.string(), 'Upload-Checksum': z.string().optional() }),
      body: { required: true, content: bytes },
    },
    responses: {
      204: {
        description: '`Upload-Offset`; of a whole upload `Location`, `Matrix-Asset`, `Matrix-Version`, `Matrix-Digest`',
      },
      ...refused,
    },
  })
  register({
    ...common,
    method: 'head',
    path: PATH,
    summary: 'How far an upload is; nothing that is still under way elsewhere counts afterwards',
    request: { params, headers: z.object(tus) },
    responses: { 200: { description: '`Upload-Offset`, `Upload-Length`' }, ...refused },
  })
  register({
    ...common,
    method: 'get',
    path: PATH,
    summary: 'An upload as a document: state, offset, and what became of it',
    request: { params },
    responses: { 200: json(TusUploadSchema, 'It'), ...refusals('unauthenticated', 'forbidden', 'not-found') },
  })
  register({
    ...common,
    method: 'delete',
    path: PATH,
    summary: 'End an upload that is not finished',
    request: { params, headers: z.object(tus) },
    responses: { 204: { description: 'Nothing of it is left' }, ...refused },
  })
  for (const path of ['/v1/tus', PATH]) {
    register({
      tags: ['Ingest'],
      method: 'options',
      path,
      summary: 'What of the protocol is spoken, and what a page may send',
      request: path === PATH ? { params } : {},
      responses: {
        204: { description: '`Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, and the headers of a preflight' },
      },
    })
  }
}
