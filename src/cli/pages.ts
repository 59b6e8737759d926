/** Lists of the API, page by page. */
import { call, type GlobalOptions } from './client.ts'

export interface Page<T> {
  readonly items: readonly T[]
  readonly next_cursor?: string
}

export interface Listing {
  readonly query?: Readonly<Record<string, string>> | URLSearchParams
  /** Of items, in all pages together. */
  readonly limit?: number
}

export const MOST_A_PAGE = 500

export async function* pagesOf<T>(
  options: GlobalOptions,
  path: string,
  { query = {}, limit = Number.POSITIVE_INFINITY }: Listing = {},
): AsyncGenerator<Page<T>, void> {
  const asked = new URLSearchParams(query)
  for (let left = limit; left > 0; ) {
    asked.set('limit', String(Math.min(left, MOST_A_PAGE)))
    const page = (await (await call(options, `${path}?${asked}`)).json()) as Page<T>
    yield page
    if (page.next_cursor === undefined) return
    left -= page.items.length
    asked.set('cursor', page.next_cursor)
  }
}

/** All of them in one; where there are more than asked for, with the cursor of those. */
export const listOf = async <T>(...[options, path, listing]: Parameters<typeof pagesOf>): Promise<Page<T>> => {
  const items: T[] = []
  let rest: Pick<Page<T>, 'next_cursor'> = {}
  for await (const { items: some, ...next } of pagesOf<T>(options, path, listing)) {
    items.push(...some)
    rest = next
  }
  return { items, ...rest }
}
