/** What products say of an asset beyond its bytes: JSON of their own, bounded. */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [name: string]: AttributeValue }

export type Attributes = Readonly<Record<string, AttributeValue>>
