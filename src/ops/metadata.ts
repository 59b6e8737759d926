import { z } from 'zod'
import type { Step } from '../model/recipe.ts'
import { operation } from './operation.ts'

type Credit = { copyright?: string; artist?: string }

const EPOCH = 1

/** What a derivative says about its maker. Everything else of the source's metadata (place, device, thumbnail) never leaves. */
export const metadata = operation<{ keep: 'strip' | 'copyright' }, Credit>({
  name: 'metadata',
  epoch: EPOCH,
  place: 'output',
  schema: z
    .enum(['strip', 'copyright'])
    .describe('`strip` removes all, `copyright` keeps the EXIF fields Copyright and Artist.')
    .transform(keep => ({ keep })),
  spell: ({ keep }) => keep,
  whenAbsent: { keep: 'strip' },
  concretise: ({ keep }, picture) => {
    const { copyright, artist } = picture.credit
    if (keep === 'strip' || (copyright === undefined && artist === undefined)) return { steps: [], picture }
    const step: Step = {
      op: 'metadata',
      epoch: EPOCH,
      params: { ...(copyright !== undefined && { copyright }), ...(artist !== undefined && { artist }) },
    }
    return { steps: [step], picture }
  },
  apply: (pipeline, { copyright, artist }) =>
    pipeline.withExif({
      IFD0: {
        ...(copyright !== undefined && { Copyright: copyright }),
        ...(artist !== undefined && { Artist: artist }),
      },
    }),
})
