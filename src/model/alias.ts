/**
 * What an asset is called elsewhere: an id, in the namespace of whoever gave it (`erp:4711`). An asset has any number of them up to
 * a limit, and each names one asset of a tenant. The alias that an asset may be given when it is made is a name in the namespace
 * `alias`, which is read like the others and written by nobody else.
 *
 * They are names of things. A person's address or number is none: it could not be forgotten without losing what it names.
 */
export interface AliasName {
  readonly namespace: string
  readonly externalId: string
}

/** Of `asset.alias`. */
export const ALIAS_NAMESPACE = 'alias'
/** Of the right to write them, beside paths of attributes. */
export const ALIASES_PATH = 'aliases'
/** Of one asset. */
export const MAX_ALIASES = 100
export const MAX_ALIASES_AT_ONCE = 50

/** To be seen, in one line, and safe as a segment of a path: `.` and `..` are taken out of URLs before anybody sees them. */
export const EXTERNAL_ID = /^(?!\.{1,2}$)(?! )[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,200}(?<! )$/u

/** `icon@2x.png` is a picture. */
const ADDRESS = /[^\s@]@(?!\d+(?:\.\d+)?x\.)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}/u
/** As E.164 writes it. Digits alone may be an article's number and are taken for one. */
const TELEPHONE = /^\+\d(?:[ ()./-]*\d){6,14}$/

/** What anybody would take for an e-mail address or a telephone number. */
export const namesPerson = (text: string): boolean =>
  /^(?:mailto|tel):/i.test(text) || ADDRESS.test(text) || TELEPHONE.test(text)

const keyOf = ({ namespace, externalId }: AliasName): string => `${namespace}:${externalId}`

/** Each once and in one order, in which all who take several take them: two who want the same do not wait for each other. */
export const orderedAliases = (aliases: readonly AliasName[]): readonly AliasName[] =>
  [...new Map(aliases.map(alias => [keyOf(alias), alias]))]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, alias]) => alias)
