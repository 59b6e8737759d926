/**
 * What a product may spend: CPU of derivatives made in its name, a day, and bytes of originals that it brought. What there is
 * goes on being answered; refused is what would cost more.
 *
 * CPU is known when it has been spent. So what is queued when a budget ends is still made: at most what may wait at once
 * (WAIT_QUEUE), and what uploads before that had made eagerly.
 */
import type { Config } from '../config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Sql } from '../manifest/database.ts'
import { findSpent, lockStoredBytes } from '../manifest/usage.ts'
import { type MatrixError, refuse } from '../model/errors.ts'
import type { ProductLimits } from '../model/quota.ts'

/** `undefined`: no such budget. */
export interface Budgets {
  readonly cpu_seconds_per_day: number | undefined
  readonly stored_bytes: number | undefined
  readonly tenant_stored_bytes: number | undefined
}
type Name = keyof Budgets

export interface BudgetState {
  readonly budgets: Budgets
  readonly used: Readonly<Record<Name, number>>
}

export interface Budget {
  readonly defaults: Budgets
  /** What a product has of budgets, and what it has used of those that there are. */
  of(sql: Sql, tenant: string, product: string): Promise<BudgetState>
  /** After the bytes were stored in this transaction: throws `over-budget` where they are too many, with those of uploads at once. */
  requireRoom(tx: Sql, tenant: string, product: string): Promise<void>
}

/** Days are those of UTC, everywhere. */
export const startOfDay = (now: number): Date => new Date(new Date(now).toISOString().slice(0, 10))

export const budgetsOf = (limits: ProductLimits, defaults: Budgets): Budgets => ({
  cpu_seconds_per_day: limits.cpu_seconds_per_day ?? defaults.cpu_seconds_per_day,
  stored_bytes: limits.stored_bytes ?? defaults.stored_bytes,
  tenant_stored_bytes: defaults.tenant_stored_bytes,
})

const SAID: Readonly<Record<Name, string>> = {
  cpu_seconds_per_day: 'The product has used the CPU that it may use a day.',
  stored_bytes: 'The product would have more bytes of originals than it may.',
  tenant_stored_bytes: 'The tenant would have more bytes of originals than it may.',
}

const over = (name: Name, limit: number): MatrixError =>
  refuse('over-budget', SAID[name], { details: { budget: { name, limit } } })

export const limitsBytes = ({ budgets }: BudgetState): boolean =>
  budgets.stored_bytes !== undefined || budgets.tenant_stored_bytes !== undefined

/** The refusal of new derivatives: the day's CPU is used up. */
export const refusesCpu = ({ budgets, used }: BudgetState): MatrixError | undefined => {
  const limit = budgets.cpu_seconds_per_day
  return limit !== undefined && used.cpu_seconds_per_day >= limit ? over('cpu_seconds_per_day', limit) : undefined
}

/** The refusal of so many bytes more than are stored. */
export const refusesBytes = ({ budgets, used }: BudgetState, more: number): MatrixError | undefined => {
  for (const name of ['stored_bytes', 'tenant_stored_bytes'] as const) {
    const limit = budgets[name]
    if (limit !== undefined && used[name] + more > limit) return over(name, limit)
  }
  return undefined
}

type Configured = Pick<Config, 'budgetCpu' | 'budgetProductBytes' | 'budgetTenantBytes'>

export const openBudget = ({ clock, config }: { clock: Clock; config: Configured }): Budget => {
  const defaults: Budgets = {
    cpu_seconds_per_day: config.budgetCpu || undefined,
    stored_bytes: config.budgetProductBytes || undefined,
    tenant_stored_bytes: config.budgetTenantBytes || undefined,
  }
  const of: Budget['of'] = async (sql, tenant, product) => {
    const spent = await findSpent(sql, {
      tenant,
      product,
      since: startOfDay(clock.now()),
      needs: {
        cpu: defaults.cpu_seconds_per_day !== undefined,
        bytes: defaults.stored_bytes !== undefined,
        tenantBytes: defaults.tenant_stored_bytes !== undefined,
      },
    })
    return {
      budgets: budgetsOf(spent?.limits ?? {}, defaults),
      used: {
        cpu_seconds_per_day: (spent?.cpuMs ?? 0) / 1000,
        stored_bytes: spent?.bytes ?? 0,
        tenant_stored_bytes: spent?.tenantBytes ?? 0,
      },
    }
  }
  return {
    defaults,
    of,
    async requireRoom(tx, tenant, product) {
      await lockStoredBytes(tx, tenant)
      const refusal = refusesBytes(await of(tx, tenant, product), 0)
      if (refusal) throw refusal
    },
  }
}
