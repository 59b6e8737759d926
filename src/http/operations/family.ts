/** All kinds of long work as one list: each keeps its own tables and its own way of going on, and is asked in one way. */
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { refuse } from '../../model/errors.ts'
import type { Principal } from '../../model/principal.ts'
import { ErasureSchema } from '../erasure.ts'
import { BackfillSchema } from '../operation.ts'
import { backfillKind } from './backfills.ts'
import { erasureKind } from './erasures.ts'
import { ImportSchema, importKind } from './imports.ts'
import { RolloutOperationSchema, rolloutKind } from './rollouts.ts'
import type { FamilyFilter, Member, OperationKind } from './shape.ts'

export const OperationSchema = z
  .discriminatedUnion('kind', [BackfillSchema, ErasureSchema, RolloutOperationSchema, ImportSchema])
  .openapi('Operation')

export const openFamily = (gateway: Pick<Gateway, 'database' | 'clock'>) => {
  const kinds = [backfillKind(gateway), erasureKind(gateway), rolloutKind(gateway), importKind(gateway)]
  return {
    /** The newest first: ids are made in the order of time. */
    async list(
      principal: Principal,
      { kind, ...filter }: FamilyFilter & { kind: OperationKind | undefined },
    ): Promise<Member[]> {
      const asked = kinds.filter(one => kind === undefined || one.kind === kind)
      const found = (await Promise.all(asked.map(one => one.list(principal, filter)))).flat()
      return found.sort((a, b) => (a.id < b.id ? 1 : -1))
    },
    /** Throws `not-found` for what is not there and for what is another's. */
    async find(principal: Principal, id: string): Promise<Member> {
      const found = await Promise.all(kinds.map(one => one.find(principal, id)))
      const member = found.find(one => one !== undefined)
      if (!member) throw refuse('not-found', 'There is no such operation for this key.')
      return member
    },
  }
}

export type Family = ReturnType<typeof openFamily>
