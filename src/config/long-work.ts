/** Long work that is over. Spread into the list of all variables. */
import { declare, integer } from '../environment.ts'

export const LONG_WORK = {
  operationKeepDays: declare(
    'OPERATION_KEEP_DAYS',
    integer(1, 36_500),
    '90',
    'For so long imports and backfills that are over are told, and imports can be undone, d. Receipts of erasures and rollouts are kept.',
  ),
} as const
