/** What sources have said is worked through by every gateway, beside its requests. */
import { repeat } from '../lib/repeat.ts'
import type { Log } from '../telemetry/log.ts'
import type { openSourceWork } from './source-work.ts'

const WORK_MS = 1_000
const TIDY_MS = 60_000

export const startSourceWork = ({ sourceWork, log }: { sourceWork: ReturnType<typeof openSourceWork>; log: Log }) => {
  const onError = (error: unknown): void => log.warn({ err: error }, 'sources')
  const rounds = [
    repeat(sourceWork.once, { everyMs: WORK_MS, onError }),
    repeat(sourceWork.tidy, { everyMs: TIDY_MS, onError }),
  ]
  return {
    async stop(): Promise<void> {
      await Promise.all(rounds.map(round => round.stop()))
    },
  }
}
