-- Assets that there were before 0046 are found too. By itself, so that nobody who writes an asset meanwhile waits for it; what was
-- written meanwhile has been kept by the triggers, and is looked at once more where it may have been read before.

insert into asset_search select f.* from asset a cross join lateral asset_facts(a) f
  where a.deleted_at is null and a.erased_at is null on conflict do nothing;

insert into asset_term (tenant_id, collection_id, asset_id, path, value, number)
  select a.tenant_id, a.collection_id, a.asset_id, w.path, w.value, w.number
  from asset a
  left join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = a.active_version
  cross join lateral asset_terms(a, v.filename) w
  where a.deleted_at is null and a.erased_at is null on conflict do nothing;

select asset_index(a) from asset a where a.updated_at >= transaction_timestamp() - interval '5 minutes';
