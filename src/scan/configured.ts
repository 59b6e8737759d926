/** The scanners that the configuration names: all of them are asked, and all of them have to call an original clean. */
import type { Config } from '../config.ts'
import { openClamd } from './clamd.ts'
import { openHook } from './hook.ts'
import type { Scanner } from './scanner.ts'

export const configuredScanners = ({
  clamd,
  scanUrl,
  scanToken,
  scanTimeoutMs: timeoutMs,
}: Config): readonly Scanner[] => [
  ...(clamd === undefined ? [] : [openClamd(clamd, { timeoutMs })]),
  ...(scanUrl === undefined ? [] : [openHook({ url: scanUrl, token: scanToken, timeoutMs })]),
]
