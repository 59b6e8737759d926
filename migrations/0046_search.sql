-- What assets are found by: a row each of those that are neither deleted nor erased, and a row for each word of it.
--
-- Kept by triggers, in the transaction of whatever changes: what is answered is found, and the release before keeps it too. Beside
-- `asset` and not of it: what is here is indexed and changes with every publish, and a row there stays in its page while its
-- pointer moves (0027), which resolving lives by.

create table asset_search (
  tenant_id text not null,
  collection_id text not null,
  asset_id uuid not null,
  owner_product text not null,
  state text not null constraint state_is_shown check (state in ('PENDING', 'ACTIVE', 'ARCHIVED')),
  updated_at timestamptz not null,
  -- Of the version that is current, with its sides as a person sees them.
  media_type text,
  byte_length bigint,
  width integer,
  height integer,
  primary key (tenant_id, collection_id, asset_id)
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000,
  autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
create index asset_search_by_change on asset_search (tenant_id, collection_id, updated_at, asset_id);

-- Paths: of attributes (`seo.title`), `labels`, `@` of the alias, `~` of the words of alias, title and file name.
-- Values of attributes say their type first: `"text`, `#number`, `t`, `f`, `n`, `{`, `[`; long text ends in its digest.
create table asset_term (
  tenant_id text not null,
  collection_id text not null,
  asset_id uuid not null,
  path text collate "C" not null,
  value text collate "C" not null,
  number double precision,
  primary key (tenant_id, asset_id, path, value)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000,
  autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
create index asset_term_by_value on asset_term (tenant_id, collection_id, path, value, asset_id);
create index asset_term_by_number on asset_term (tenant_id, collection_id, path, number, asset_id) where number is not null;

-- Words in lower case, of what a language writes its words with. Letters beyond ASCII are those of Unicode where Postgres was built
-- with ICU, whatever the locale of the database.
do $do$
begin
  execute format($function$
    create function search_words(said text) returns table (word text) language sql immutable parallel safe as $body$
      select distinct left(w, 64) from (select w from regexp_split_to_table(
        lower(normalize(left(said, 2000), NFKC)%s),
        '[^a-z0-9\u00c0-\u1fff\u2c00-\u2fff\u3040-\ud7ff\uf900-\ufdff\ufe70-\ufeff\uff10-\U0010ffff]+') w limit 64) s
      where w <> ''
    $body$ $function$,
    case when exists (select from pg_collation where collname = 'und-x-icu') then ' collate "und-x-icu"' else '' end);
end $do$;

create function asset_terms(a asset, filename text) returns table (path text, value text, number double precision)
language sql stable as $$
  with recursive inside (path, v) as (
    select e.key, e.value from jsonb_each(a.attributes) e
    union all
    select coalesce(i.path || '.' || c.key, i.path), c.value from inside i cross join lateral (
      select o.key, o.value from jsonb_each(case jsonb_typeof(i.v) when 'object' then i.v else '{}' end) o
      union all
      select null, l.value from jsonb_array_elements(case jsonb_typeof(i.v) when 'array' then i.v else '[]' end) l) c
  )
  select path, case jsonb_typeof(v)
      when 'string' then '"' || left(v #>> '{}', 100)
        || case when length(v #>> '{}') > 100 then md5(v #>> '{}') else '' end
      when 'number' then '#' || (v #>> '{}')
      when 'boolean' then left(v #>> '{}', 1)
      when 'null' then 'n' when 'object' then '{' else '[' end,
    case jsonb_typeof(v) when 'number' then (v #>> '{}')::double precision end
  from inside
  union select 'labels', l, null from unnest(a.labels) l
  union select '@', a.alias, null where a.alias is not null
  union select '~', w.word, null from search_words(concat_ws(' ', a.alias, filename,
    case jsonb_typeof(a.attributes -> 'title') when 'string' then a.attributes ->> 'title' end)) w
$$;

create function asset_index(a asset) returns void language plpgsql as $$
declare
  filename text;
begin
  if a.deleted_at is not null or a.erased_at is not null then
    delete from asset_term t where t.tenant_id = a.tenant_id and t.asset_id = a.asset_id;
    delete from asset_search s where s.tenant_id = a.tenant_id and s.collection_id = a.collection_id and s.asset_id = a.asset_id;
    return;
  end if;
  select v.filename into filename from asset_version v
    where v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = a.active_version;
  insert into asset_search as s select f.* from asset_facts(a) f
    on conflict (tenant_id, collection_id, asset_id) do update
    set owner_product = excluded.owner_product, state = excluded.state, updated_at = excluded.updated_at,
        media_type = excluded.media_type, byte_length = excluded.byte_length, width = excluded.width, height = excluded.height;
  delete from asset_term t where t.tenant_id = a.tenant_id and t.asset_id = a.asset_id
    and not exists (select from asset_terms(a, filename) w where w.path = t.path and w.value = t.value);
  insert into asset_term (tenant_id, collection_id, asset_id, path, value, number)
    select a.tenant_id, a.collection_id, a.asset_id, w.path, w.value, w.number from asset_terms(a, filename) w
    on conflict do nothing;
end $$;

create function asset_facts(a asset) returns setof asset_search language sql stable as $$
  select a.tenant_id, a.collection_id, a.asset_id, a.owner_product,
    case when a.archived_at is not null then 'ARCHIVED' when a.active_version is null then 'PENDING' else 'ACTIVE' end,
    a.updated_at, o.media_type, o.byte_length,
    (o.image ->> case when (o.image ->> 'orientation')::int >= 5 then 'height' else 'width' end)::int,
    (o.image ->> case when (o.image ->> 'orientation')::int >= 5 then 'width' else 'height' end)::int
  from (select) one
  left join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = a.active_version
  left join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256
$$;

create function asset_changed() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and (new.active_version, new.alias, new.labels, new.attributes, new.archived_at, new.deleted_at, new.erased_at,
      new.owner_product) is not distinct from
    (old.active_version, old.alias, old.labels, old.attributes, old.archived_at, old.deleted_at, old.erased_at, old.owner_product) then
    update asset_search s set updated_at = new.updated_at
      where s.tenant_id = new.tenant_id and s.collection_id = new.collection_id and s.asset_id = new.asset_id;
  else
    perform asset_index(new);
  end if;
  return null;
end $$;
create trigger asset_is_found after insert on asset for each row execute function asset_changed();
create trigger asset_is_found_anew after update on asset for each row
  when ((old.active_version, old.alias, old.labels, old.attributes, old.archived_at, old.deleted_at, old.erased_at, old.owner_product, old.updated_at)
    is distinct from (new.active_version, new.alias, new.labels, new.attributes, new.archived_at, new.deleted_at, new.erased_at,
      new.owner_product, new.updated_at))
  execute function asset_changed();
