/**
 * The end of a staged upload, by whichever of its three requests (ingest/complete-staged.ts). It may be asked for again, with the same
 * Idempotency-Key or another, and whoever does is answered with the same version.
 */
import type { Gateway } from '../gateway.ts'
import { openStagedCompletion, requireOpen, underWay } from '../ingest/complete-staged.ts'
import type { NamedPart } from '../ingest/staged.ts'
import { answerKey } from '../manifest/idempotency.ts'
import { refuse } from '../model/errors.ts'
import { trustOf } from '../model/source.ts'
import type { StagedAnswer, StagedUpload } from '../model/staged.ts'
import { addressOf } from './address.ts'
import { causeOf, type MatrixContext } from './context.ts'
import { fingerprint, replay, type Work } from './idempotent.ts'
import type { Target } from './json-entrance.ts'
import { visibleUpload } from './staged-document.ts'
import { storeUpload } from './stored.ts'

export interface CompletionWish {
  readonly id: string
  /** As clients name them; what the store has, otherwise. */
  readonly parts?: readonly NamedPart[] | undefined
  /** Where the request itself says that the bytes go; `undefined`: where the upload does. */
  readonly target?: Target
}

const requireTarget = ({ wish }: StagedUpload, target: CompletionWish['target']): void => {
  const isFit =
    target === undefined || (target.kind === 'asset' ? wish.asset === undefined : wish.asset === target.asset)
  if (!isFit) throw refuse('conflict', 'The upload was begun for another place.')
}

const answered = ({ status, headers, body }: StagedAnswer, more: Readonly<Record<string, string>> = {}): Response =>
  new Response(body, { status, headers: { ...headers, ...more } })

/** Runs under an Idempotency-Key, which its answer settles. */
export const openCompletion = (gateway: Gateway) => {
  const { database, ingest } = gateway
  const complete = openStagedCompletion(gateway)

  const again = async (upload: StagedUpload, { key }: Work, print: string): Promise<Response | undefined> => {
    if (!upload.answer) return undefined
    await answerKey(database, key, { ...upload.answer, fingerprint: print })
    return answered(upload.answer, { 'Idempotent-Replayed': 'true' })
  }

  return async (c: MatrixContext, wish: CompletionWish, work: Work): Promise<Response> => {
    const print = fingerprint(work.key.request, JSON.stringify(wish))
    if (work.answered) return replay(work.answered, print)
    const staged = await visibleUpload(gateway, c, wish.id)
    requireTarget(staged, wish.target)
    requireOpen(staged)
    const before = await again(staged, work, print)
    if (before) return before
    const address = addressOf(c)
    const answer = await complete(staged, {
      principal: c.get('principal'),
      address,
      parts: wish.parts,
      source: { entrance: 'staged', ref: staged.id },
      cause: causeOf(c),
      permit: upload => ingest.authorise({ ...upload, trust: trustOf('staged'), address }),
      store: async ({ upload, permission, received, mediaType, finish }) => {
        const content = { received, mediaType }
        const remember = async (tx: Parameters<typeof finish>[0], answer: StagedAnswer) => {
          await finish(tx, answer)
          await answerKey(tx, work.key, { ...answer, fingerprint: print })
        }
        return (await storeUpload(c, gateway, { upload, permission, content, remember })).answer
      },
    })
    if (answer) return answered(answer)
    const now = await visibleUpload(gateway, c, wish.id)
    requireOpen(now)
    const told = await again(now, work, print)
    if (told) return told
    throw underWay()
  }
}
