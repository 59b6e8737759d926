/** The live schema as text, so that the effect of migrations shows in review. */
import pg from 'pg'

const ENUMS = `select format('create type %I as enum (%s);', t.typname, string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)) as line
  from pg_type t join pg_enum e on e.enumtypid = t.oid where t.typnamespace = 'public'::regnamespace group by t.typname order by t.typname`

const COLUMNS = `select c.relname as relation, format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then ' not null' else '' end,
    case when a.attidentity <> '' then ' generated always as identity' else '' end,
    coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by c.relname, a.attnum`

// Since Postgres 18 "not null" is a constraint (n), too; it is shown with its column.
const CONSTRAINTS = `select c.relname as relation, format('constraint %I %s', k.conname, pg_get_constraintdef(k.oid)) as line
  from pg_constraint k join pg_class c on c.oid = k.conrelid
  where c.relnamespace = 'public'::regnamespace and k.contype in ('p', 'u', 'f', 'c', 'x')
  order by c.relname, array_position('{p,u,f,c,x}'::text[], k.contype::text), k.conname`

const INDEXES = `select pg_get_indexdef(i.indexrelid) || ';' as line from pg_index i join pg_class c on c.oid = i.indexrelid
  where c.relnamespace = 'public'::regnamespace and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
  order by c.relname`

const SETTINGS = `select c.relname as relation, array_to_string(c.reloptions, ', ') as line from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.reloptions is not null`

const FUNCTIONS = `select pg_get_functiondef(p.oid) || ';' as line from pg_proc p where p.pronamespace = 'public'::regnamespace order by p.proname`

const TRIGGERS = `select pg_get_triggerdef(t.oid) || ';' as line from pg_trigger t join pg_class c on c.oid = t.tgrelid
  where c.relnamespace = 'public'::regnamespace and not t.tgisinternal order by c.relname, t.tgname`

interface Line {
  readonly relation?: string
  readonly line: string
}

const HEAD = '-- What migrations/*.sql amount to. Printed by `npm run docs`; never applied and never edited.'

export const dumpSchema = async (connection: pg.ClientConfig): Promise<string> => {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    const lines = async (text: string): Promise<readonly Line[]> => (await client.query<Line>(text)).rows
    const columns = await lines(COLUMNS)
    const constraints = await lines(CONSTRAINTS)
    const settings = new Map((await lines(SETTINGS)).map(({ relation, line }) => [relation, ` with (${line})`]))
    const tables = [...new Set(columns.map(({ relation }) => relation))].map(name => {
      const of = (all: readonly Line[]) =>
        all.filter(({ relation }) => relation === name).map(({ line }) => `  ${line}`)
      return `create table ${name} (\n${[...of(columns), ...of(constraints)].join(',\n')}\n)${settings.get(name) ?? ''};`
    })
    const texts = async (text: string) => (await lines(text)).map(({ line }) => line)
    const [enums, indexes] = [await texts(ENUMS), await texts(INDEXES)]
    const [functions, triggers] = [await texts(FUNCTIONS), await texts(TRIGGERS)]
    const parts = [HEAD, enums.join('\n'), ...tables, indexes.join('\n'), ...functions, triggers.join('\n')]
    return `${parts.map(part => part.replace(/[ \t]+$/gm, '').trim()).join('\n\n')}\n`
  } finally {
    await client.end()
  }
}
