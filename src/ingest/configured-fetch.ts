/** Fetching by URL, as configured. */
import type { Config } from '../config.ts'
import { openResolver } from '../outbound/resolve.ts'
import { type FetchOptions, type FetchOriginal, openFetch } from './fetch.ts'

/** The resolver is a dependency: who answers for a name is what the attacks are about. */
export const openConfiguredFetch = (
  config: Config,
  {
    folder,
    resolve = openResolver(config.fetchAllow),
    count = () => undefined,
  }: Pick<FetchOptions, 'folder'> & Partial<Pick<FetchOptions, 'resolve' | 'count'>>,
): FetchOriginal =>
  openFetch({
    resolve,
    count,
    folder,
    allow: config.fetchAllow,
    ports: config.fetchPorts,
    maxBytes: config.maxFetchBytes,
    maxMs: config.fetchMs,
    idleMs: config.fetchIdleMs,
    atOnce: config.fetchAtOnce,
  })
