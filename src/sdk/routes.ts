/** How a route is asked for by its name. */
import type { Routes } from './api.ts'
import type { CallOptions } from './transport.ts'

type Part<R extends keyof Routes, K extends 'path' | 'query' | 'body'> = K extends keyof Routes[R]
  ? Pick<Routes[R], K>
  : object
/** What a route takes: `path`, `query` and `body`, as far as it has them. */
export type Input<R extends keyof Routes> = Part<R, 'path'> & Part<R, 'query'> & Part<R, 'body'>
export type Answer<R extends keyof Routes> = Routes[R]['answer']

export type Ask = <R extends keyof Routes>(route: R, input: Input<R>, options?: CallOptions) => Promise<Answer<R>>
