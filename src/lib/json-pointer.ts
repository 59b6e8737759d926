/** A place in a JSON document, as RFC 6901 writes it. */
export const pointerOf = (path: readonly (string | number)[]): string =>
  path.map(part => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
