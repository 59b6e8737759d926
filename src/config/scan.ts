/** Scanners for malware. Spread into the list of all variables. */
import { bearerToken, declare, integer, optional, socketAddress, url } from '../environment.ts'

export const SCAN = {
  clamd: optional(
    'CLAMD',
    socketAddress,
    'Daemon of ClamAV that looks into originals of collections with the rule `scan`: host:port, or the path of its socket. Asked by processes that sweep; the same in every process, like all of SCAN_….',
  ),
  scanUrl: optional(
    'SCAN_URL',
    url('http:', 'https:'),
    'Scanner behind HTTP for the same: the bytes are posted to it, and it answers {"clean": true} or {"clean": false, "signature": "…"}.',
  ),
  scanToken: optional('SCAN_TOKEN', bearerToken, 'Sent to it as a bearer token.', true),
  scanTimeoutMs: declare(
    'SCAN_TIMEOUT_MS',
    integer(100, 3_600_000),
    '120000',
    'Silence of clamd, or the whole answer of the scanner behind HTTP, ms; then it is asked again later.',
  ),
  scanFreshSeconds: declare(
    'SCAN_FRESH_SECONDS',
    integer(0, 10 * 365 * 86_400),
    '604800',
    'For so long a verdict is good for the same bytes when they come again, s: scanners learn.',
  ),
} as const
