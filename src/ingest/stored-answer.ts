/** What an upload is answered with, kept as it is said: whoever asks again hears the same. */
import type { StagedAnswer } from '../model/staged.ts'
import type { IngestedVersion } from './upload.ts'

export const answerOf = (version: IngestedVersion): StagedAnswer => ({
  status: 201,
  headers: {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    Location: `/v1/assets/${version.asset}`,
    'Matrix-Publication': String(version.publication),
    'Matrix-Event-No': String(version.event_no),
  },
  body: JSON.stringify(version),
})
