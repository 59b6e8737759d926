import { z } from 'zod'
import type { Step } from '../model/recipe.ts'
import { operation } from './operation.ts'

type Credit = { copyright?: string; artist?: string }

const EPOCH = 1

/** EXIF text is ASCII (EXIF 2.32 section 4.6.2); what the engine would make of the rest depends on the process's locale. */
const toAscii = (text: string): string =>
  text
    .replaceAll('©', '(c)')
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[^\x20-\x7e]/gu, '?')

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}
const toXml = (text: string): string => text.replace(/[&<>"']/g, character => ENTITIES[character] ?? '')

/** XMP (ISO 16684-1) carries the same two in full Unicode. */
const xmpOf = ({ copyright, artist }: Credit): string => {
  const rights =
    copyright && `<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">${toXml(copyright)}</rdf:li></rdf:Alt></dc:rights>`
  const creator = artist && `<dc:creator><rdf:Seq><rdf:li>${toXml(artist)}</rdf:li></rdf:Seq></dc:creator>`
  return [
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    `<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/">${rights ?? ''}${creator ?? ''}</rdf:Description>`,
    '</rdf:RDF></x:xmpmeta>',
  ].join('')
}

/** What a derivative says about its maker. Everything else of the source's metadata (place, device, thumbnail) never leaves. */
export const metadata = operation<{ keep: 'strip' | 'copyright' }, Credit>({
  name: 'metadata',
  epoch: EPOCH,
  place: 'output',
  schema: z
    .enum(['strip', 'copyright'])
    .describe('`strip` removes all, `copyright` keeps the EXIF fields Copyright and Artist, as EXIF and XMP.')
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
  apply: (pipeline, credit) => {
    const { copyright, artist } = credit
    const fields = {
      ...(copyright !== undefined && { Copyright: toAscii(copyright) }),
      ...(artist !== undefined && { Artist: toAscii(artist) }),
    }
    return pipeline.withExif({ IFD0: fields }).withXmp(xmpOf(credit))
  },
})
