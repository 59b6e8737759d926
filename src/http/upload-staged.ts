/** `{"upload_id": …}` on the routes of uploads: the completion of a staged upload, said where its asset is made. */
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../gateway.ts'
import { openCompletion } from './complete-upload.ts'
import { type JsonEntrance, parseWish } from './json-entrance.ts'
import { UploadId } from './staged-document.ts'

export const CompleteStaged = z.strictObject({ upload_id: UploadId })

export const stagedEntrance = (gateway: Gateway): JsonEntrance => {
  const complete = openCompletion(gateway)
  return (target, body) => {
    const { upload_id: id } = parseWish(CompleteStaged, body)
    return (c, work) => complete(c, { id, target }, work)
  }
}
