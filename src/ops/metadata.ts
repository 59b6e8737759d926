import { z } from 'zod'
import type { Recipe, Step } from '../model/recipe.ts'
import { operation } from './operation.ts'

type Credit = { copyright?: string; artist?: string }
const KEEPS = ['strip', 'copyright', 'all-but-private', 'all'] as const
type Keep = (typeof KEEPS)[number]
/** `keep`: EXIF is what the pixels came with (transform/output.ts), filtered; absent: the credit alone. */
type Kept = Credit & { keep?: Keep }

const EPOCH = 1

/** Asks for what an edge has to allow. */
export const keepsPrivate = ({ stages }: Recipe): boolean =>
  stages.flat().some(({ op, params }) => op === 'metadata' && params.keep === 'all')

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

/**
 * What a derivative says about itself. Place, serial numbers and whatever else tells of a person leave with `all` only, which an
 * edge of the matrix has to allow; a thumbnail and what describes other pixels never do.
 */
export const metadata = operation<{ keep: Keep }, Kept>({
  name: 'metadata',
  epoch: EPOCH,
  place: 'output',
  schema: z
    .enum(KEEPS)
    .describe(
      '`strip` removes all; `copyright` keeps the EXIF fields Copyright and Artist, as EXIF and XMP; `all-but-private` also what device, exposure and times the EXIF names, without place, owner, serial numbers, maker notes and thumbnail; `all` keeps EXIF and XMP but for the thumbnail, where the grant has `private_metadata`.',
    )
    .transform(keep => ({ keep })),
  spell: ({ keep }) => keep,
  whenAbsent: { keep: 'strip' },
  concretise: ({ keep }, picture) => {
    const { copyright, artist } = picture.credit
    const isCreditOnly = keep === 'copyright'
    if (keep === 'strip' || (isCreditOnly && copyright === undefined && artist === undefined))
      return { steps: [], picture }
    const credit = { ...(copyright !== undefined && { copyright }), ...(artist !== undefined && { artist }) }
    const step: Step = {
      op: 'metadata',
      epoch: EPOCH,
      params: isCreditOnly ? credit : keep === 'all' ? { keep } : { keep, ...credit },
    }
    return { steps: [step], picture }
  },
  apply: (pipeline, { keep, ...credit }) => {
    const { copyright, artist } = credit
    if (keep !== undefined) {
      const kept = pipeline.keepExif()
      return copyright === undefined && artist === undefined ? kept : kept.withXmp(xmpOf(credit))
    }
    const fields = {
      ...(copyright !== undefined && { Copyright: toAscii(copyright) }),
      ...(artist !== undefined && { Artist: toAscii(artist) }),
    }
    return pipeline.withExif({ IFD0: fields }).withXmp(xmpOf(credit))
  },
})
