/** A line of an import that completes a staged upload: what it is was said when it was reserved, and whoever asks for it later is answered as its completion was. */
import { findUpload } from '../manifest/uploads.ts'
import { refuse } from '../model/errors.ts'
import type { Saga } from '../model/saga.ts'
import {
  type Completion,
  openStagedCompletion,
  requireOpen,
  type StagedDependencies,
  underWay,
} from './complete-staged.ts'

const noUpload = () => refuse('not-found', 'There is no such upload for this product.')

/**
 * Throws `not-found` for an upload of somebody else, `conflict` for one that is over, `upload-incomplete` while bytes are missing or
 * another completes it, and what any completion does.
 */
export const openImportedUpload = (dependencies: StagedDependencies) => {
  const complete = openStagedCompletion(dependencies)
  return async <T>(
    { tenant, principal, client }: Saga,
    id: string,
    completion: Omit<Completion<T>, 'principal' | 'address'>,
  ): Promise<T> => {
    const staged = await findUpload(dependencies.database, tenant, id)
    const { product } = principal
    if (!staged || (product !== undefined && staged.product !== product)) throw noUpload()
    requireOpen(staged)
    if (staged.answer) throw refuse('conflict', 'The upload has become a version by another request.')
    const stored = await complete(staged, { ...completion, principal, address: () => client ?? undefined })
    if (stored === undefined) throw underWay()
    return stored
  }
}
