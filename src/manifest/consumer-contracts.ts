/** What products have said that they read of contracts, and who else is told of an event. */
import type { Sql } from './database.ts'

export interface ConsumerContract {
  readonly product: string
  /** With its major, where that is not the first. */
  readonly subject: string
  readonly schema: object
  readonly registeredBy: string
  readonly registeredAt: Date
}

const COLUMNS = `product_id as product, subject, schema, registered_by as "registeredBy", registered_at as "registeredAt"`

export interface ConsumerKey {
  readonly tenant: string
  readonly product: string
  readonly subject: string
}

const PUT = {
  name: 'consumer_contract_put',
  text: `insert into consumer_contract (tenant_id, product_id, subject, schema, registered_by) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, subject, product_id) do update
           set schema = excluded.schema, registered_by = excluded.registered_by, registered_at = now()
         returning ${COLUMNS}`,
}

export const putConsumerContract = async (
  tx: Sql,
  { tenant, product, subject }: ConsumerKey,
  { schema, registeredBy }: Pick<ConsumerContract, 'schema' | 'registeredBy'>,
): Promise<ConsumerContract> => {
  const values = [tenant, product, subject, JSON.stringify(schema), registeredBy]
  const [row] = await tx.rows<ConsumerContract>(PUT, values)
  if (row === undefined) throw new Error('An insert returned nothing')
  return row
}

const FIND = {
  name: 'consumer_contract_find',
  text: `select ${COLUMNS} from consumer_contract where tenant_id = $1 and product_id = $2 and subject = $3`,
}

export const findConsumerContract = async (
  sql: Sql,
  { tenant, product, subject }: ConsumerKey,
): Promise<ConsumerContract | undefined> => (await sql.rows<ConsumerContract>(FIND, [tenant, product, subject]))[0]

const OF_PRODUCT = {
  name: 'consumer_contracts_of_product',
  text: `select ${COLUMNS} from consumer_contract where tenant_id = $1 and product_id = $2 order by subject`,
}

/** As many as there are subjects at most. */
export const consumerContractsOf = (sql: Sql, tenant: string, product: string): Promise<ConsumerContract[]> =>
  sql.rows<ConsumerContract>(OF_PRODUCT, [tenant, product])

const OF_SUBJECTS = {
  name: 'consumer_contracts_of_subjects',
  text: `select ${COLUMNS} from consumer_contract where tenant_id = $1 and subject = any($2::text[]) order by product_id, subject`,
}

export const consumersOf = (sql: Sql, tenant: string, subjects: readonly string[]): Promise<ConsumerContract[]> =>
  sql.rows<ConsumerContract>(OF_SUBJECTS, [tenant, subjects])

const DELETE = {
  name: 'consumer_contract_delete',
  text: 'delete from consumer_contract where tenant_id = $1 and product_id = $2 and subject = $3',
}

export const deleteConsumerContract = async (tx: Sql, { tenant, product, subject }: ConsumerKey): Promise<void> => {
  await tx.rows(DELETE, [tenant, product, subject])
}

export interface Subscriber {
  readonly id: string
  readonly product: string | null
  /** `null`: all, in their first major. */
  readonly types: readonly string[] | null
}

const SUBSCRIBERS = {
  name: 'subscribers_of_types',
  text: `select s.subscription_id as id, s.product_id as product, s.types from subscription s
         where s.tenant_id = $1 and (s.types is null or s.types && $2::text[]) order by s.subscription_id`,
}

/** Whoever is told of one of these by webhook, or would be if it were not paused. */
export const subscribersOf = (sql: Sql, tenant: string, types: readonly string[]): Promise<Subscriber[]> =>
  sql.rows<Subscriber>(SUBSCRIBERS, [tenant, types])
