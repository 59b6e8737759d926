/** Names of other systems and identity hints as they are written in JSON: by senders, and in payloads of sources. */
import { z } from 'zod'
import { ALIAS_NAMESPACE, EXTERNAL_ID, MAX_ALIASES_AT_ONCE, namesPerson, orderedAliases } from '../model/alias.ts'
import { HINT_NAME, HINT_TEXT, MAX_HINTS } from '../model/identity-hints.ts'
import { NAME_PATTERN } from '../model/ids.ts'

export const Namespace = z
  .string()
  .regex(NAME_PATTERN)
  .refine(
    name => name !== ALIAS_NAMESPACE,
    'Expected another namespace: `alias` is that of the alias which an asset is given when it is made',
  )

const ExternalId = z
  .string()
  .transform(text => text.normalize('NFC'))
  .pipe(
    z
      .string()
      .regex(EXTERNAL_ID)
      .refine(
        text => !namesPerson(text),
        'Expected the name of a thing: an e-mail address or a telephone number is one of a person',
      ),
  )

/** Each once, in one order. */
export const Aliases = z
  .array(z.strictObject({ namespace: Namespace, external_id: ExternalId }))
  .max(MAX_ALIASES_AT_ONCE)
  .transform(given =>
    orderedAliases(given.map(({ namespace, external_id: externalId }) => ({ namespace, externalId }))),
  )

export const IdentityHintsBody = z
  .record(z.string().regex(HINT_NAME), z.string().regex(HINT_TEXT))
  .refine(hints => Object.keys(hints).length <= MAX_HINTS, `Expected at most ${MAX_HINTS}`)
