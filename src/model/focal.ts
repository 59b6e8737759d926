/** What is to be kept in sight when a picture is cut: of an asset, and of it for single products. */

/** Shares of width and height of the upright picture, from its top left, in thousandths. */
export interface Point {
  readonly x: number
  readonly y: number
}

export interface FocalPoints {
  readonly all?: Point
  /** Instead, for these. */
  readonly products?: Readonly<Record<string, Point>>
}

/** The path of the asset's own, where paths of attributes stand beside it. */
export const FOCAL_PATH = 'focal_point'
/** Each is for a product, of which a tenant has few; the column has room for so many. */
export const MAX_FOCAL_PRODUCTS = 100

export const focalOf = (points: FocalPoints | undefined, product: string): Point | undefined =>
  points?.products?.[product] ?? points?.all

const isSame = (a: Point | undefined, b: Point | undefined): boolean => a?.x === b?.x && a?.y === b?.y

/** Paths of what differs. */
export const changedFocal = (before: FocalPoints | undefined, after: FocalPoints | undefined): readonly string[] => {
  const products = new Set([before, after].flatMap(points => Object.keys(points?.products ?? {})))
  const changed = [...products].filter(name => !isSame(before?.products?.[name], after?.products?.[name]))
  return [
    ...(isSame(before?.all, after?.all) ? [] : [FOCAL_PATH]),
    ...changed.sort().map(name => `${FOCAL_PATH}s.${name}`),
  ]
}

/** What is left of nothing is nothing. */
export const focalPoints = ({
  all,
  products,
}: {
  all: Point | undefined
  products: Readonly<Record<string, Point>>
}): FocalPoints | undefined => {
  const isAny = Object.keys(products).length > 0
  if (all === undefined && !isAny) return undefined
  return { ...(all && { all }), ...(isAny && { products }) }
}
