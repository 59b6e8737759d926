/** What the protocol's library refuses, in the catalogue of ours: it throws plain objects, and answers some by itself in plain text. */
import { type ErrorCode, isMatrixError, type MatrixError, refuse } from '../../model/errors.ts'

export interface LibraryFailure {
  readonly status_code: number
  readonly body: string
}

const MEANS: Readonly<Record<number, ErrorCode>> = {
  404: 'not-found',
  409: 'conflict',
  410: 'not-found',
  412: 'tus-version',
  413: 'payload-too-large',
  500: 'upload-locked',
}

const DETAILS: Partial<Record<ErrorCode, string>> = {
  'not-found': 'There is no such upload.',
  conflict: 'Upload-Offset is not where the upload is: ask for it with HEAD.',
  'tus-version': 'Send Tus-Resumable: 1.0.0.',
}

/** Whatever is none of its own comes back as it is. */
export const failureOf = (error: Error | LibraryFailure): unknown => {
  if (isMatrixError(error) || !('status_code' in error)) return error
  const code = MEANS[error.status_code] ?? 'invalid-request'
  return refuse(code, DETAILS[code] ?? error.body.trim(), { ...(code === 'upload-locked' && { retryAfterSeconds: 1 }) })
}

export const failureOfAnswer = async (response: Response): Promise<MatrixError> =>
  failureOf({ status_code: response.status, body: await response.text() }) as MatrixError
