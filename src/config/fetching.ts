/** Originals by URL: where they may be, and how long they may take. Spread into the list of all variables. */
import { ConfigRule, declare, integer } from '../environment.ts'
import { type Network, networkOf } from '../lib/network.ts'
import { MIB } from './inputs.ts'

/** What is reached although it is not public: networks, and names wherever they lead. */
export interface Reachable {
  readonly networks: readonly Network[]
  readonly hosts: ReadonlySet<string>
}

const HOST = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/

const words = (value: string): readonly string[] =>
  value
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')

export const reachable = (value: string): Reachable => {
  const networks: Network[] = []
  const hosts = new Set<string>()
  for (const word of words(value)) {
    const network = networkOf(word)
    const host = word.toLowerCase()
    if (network) networks.push(network)
    // What looks like a number is one to whoever connects.
    else if (HOST.test(host) && !/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(host)) hosts.add(host)
    else throw new ConfigRule('expected networks like 10.0.0.0/8, addresses or host names, separated by commas')
  }
  return { networks, hosts }
}

/** `undefined`: any. */
export const ports = (value: string): ReadonlySet<number> | undefined =>
  value.trim() === 'any' ? undefined : new Set(words(value).map(integer(1, 65_535)))

export const FETCHING = {
  fetchAllow: declare(
    'FETCH_ALLOW',
    reachable,
    '',
    'Networks and hosts inside, by comma, from which originals are fetched by URL, like 10.1.0.0/16 or dam.example.internal; by default only public addresses.',
  ),
  fetchPorts: declare('FETCH_PORTS', ports, '80,443', 'Ports that originals are fetched from, by comma, or `any`.'),
  fetchMs: declare(
    'FETCH_MS',
    integer(100, 3_600_000),
    '120000',
    'Longest that fetching an original may take with its redirects, ms: 100 MiB at 7 Mbit/s.',
  ),
  fetchIdleMs: declare('FETCH_IDLE_MS', integer(50, 600_000), '10000', 'Longest silence of a source, ms.'),
  fetchAtOnce: declare(
    'FETCH_AT_ONCE',
    integer(1, 1_024),
    '16',
    'Originals that a process fetches at once; beyond, 503.',
  ),
  maxFetchBytes: declare(
    'MAX_FETCH_BYTES',
    integer(1, 5 * 1024 ** 3),
    String(100 * MIB),
    'Largest original that is fetched: as large as a direct upload.',
  ),
  sourceKeepDays: declare(
    'SOURCE_KEEP_DAYS',
    integer(1, 36_500),
    '30',
    'For so long payloads of sources are kept as they came once all of them is done, d; within it one that is sent again is known.',
  ),
} as const
