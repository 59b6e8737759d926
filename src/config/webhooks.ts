/** Events by webhook: where they may go, and how many may want them. Spread into the list of all variables. */
import { declare, integer } from '../environment.ts'
import { ports, reachable } from './fetching.ts'

export const WEBHOOKS = {
  webhookAllow: declare(
    'WEBHOOK_ALLOW',
    reachable,
    '',
    'Networks and hosts inside, by comma, that events may be told to by webhook, on any port; by default only public addresses.',
  ),
  webhookPorts: declare(
    'WEBHOOK_PORTS',
    ports,
    '80,443',
    'Ports of public addresses that events may be told to, by comma, or `any`.',
  ),
  webhookSubscriptions: declare(
    'WEBHOOK_SUBSCRIPTIONS',
    integer(1, 1_000),
    '20',
    'Subscriptions that a product may have, and administrators for the whole tenant: each costs a row for each event that it hears.',
  ),
  webhookTimeoutMs: declare(
    'WEBHOOK_TIMEOUT_MS',
    integer(100, 60_000),
    '15000',
    'Longest that the receiver of an event may take, ms, from the look at its name to its answer; Standard Webhooks asks for 15 to 30 s.',
  ),
  webhookAtOnce: declare(
    'WEBHOOK_AT_ONCE',
    integer(1, 100),
    '32',
    'Most events that one receiver is told at once, each of another asset: begun with 8, one more with each run that it takes, half as many when it fails, then one at a time.',
  ),
  webhookKeepDays: declare(
    'WEBHOOK_KEEP_DAYS',
    integer(1, 3_650),
    '30',
    'For so long deliveries that are over are listed, d; those that were given up can be tried again within it.',
  ),
} as const
