-- The index of assets is kept at less cost: words are made once, and not at all where they cannot have changed.

-- Of the version that is current.
create function file_name(a asset) returns text language sql stable as $$
  select v.filename from asset_version v where v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = a.active_version
$$;

create or replace function asset_index(a asset) returns void language plpgsql as $$
begin
  if a.deleted_at is not null or a.erased_at is not null then
    delete from asset_term t where t.tenant_id = a.tenant_id and t.asset_id = a.asset_id;
    delete from asset_search s where s.tenant_id = a.tenant_id and s.collection_id = a.collection_id and s.asset_id = a.asset_id;
    return;
  end if;
  insert into asset_search as s select f.* from asset_facts(a) f
    on conflict (tenant_id, collection_id, asset_id) do update
    set owner_product = excluded.owner_product, state = excluded.state, updated_at = excluded.updated_at,
        media_type = excluded.media_type, byte_length = excluded.byte_length, width = excluded.width, height = excluded.height;
  with wanted as materialized (
    select w.path, w.value, w.number from asset_terms(a, file_name(a)) w
  ), gone as (
    delete from asset_term t where t.tenant_id = a.tenant_id and t.asset_id = a.asset_id
      and not exists (select from wanted w where w.path = t.path and w.value = t.value)
  )
  insert into asset_term (tenant_id, collection_id, asset_id, path, value, number)
    select a.tenant_id, a.collection_id, a.asset_id, w.path, w.value, w.number from wanted w on conflict do nothing;
end $$;

-- What nearly every change leaves as it is costs nothing: words, where another version with the same file name is shown, and all but the
-- time, where a version comes that is not shown yet.
create or replace function asset_changed() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' or (new.alias, new.labels, new.attributes, new.deleted_at, new.erased_at) is distinct from
      (old.alias, old.labels, old.attributes, old.deleted_at, old.erased_at) then
    perform asset_index(new);
  elsif (new.active_version, new.archived_at, new.owner_product) is not distinct from
      (old.active_version, old.archived_at, old.owner_product) then
    update asset_search s set updated_at = new.updated_at
      where s.tenant_id = new.tenant_id and s.collection_id = new.collection_id and s.asset_id = new.asset_id;
  elsif new.active_version is distinct from old.active_version and file_name(new) is distinct from file_name(old) then
    perform asset_index(new);
  else
    update asset_search s set owner_product = f.owner_product, state = f.state, updated_at = f.updated_at,
        media_type = f.media_type, byte_length = f.byte_length, width = f.width, height = f.height
      from asset_facts(new) f
      where s.tenant_id = new.tenant_id and s.collection_id = new.collection_id and s.asset_id = new.asset_id;
  end if;
  return null;
end $$;
