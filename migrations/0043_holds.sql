-- What must not go: an asset that somebody has put a hold on, for as long as there is one. Several matters may hold the same asset.
create table asset_hold (
  tenant_id text not null,
  asset_id  uuid not null,
  name      text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  reason    text not null check (length(reason) between 1 and 500),
  set_by    text not null,
  set_at    timestamptz not null default now(),
  primary key (tenant_id, asset_id, name),
  foreign key (tenant_id, asset_id) references asset
);

-- A process of the release before knows nothing of holds: what it would erase is refused here.
create function held_is_not_erased() returns trigger language plpgsql as $$
begin
  if exists (select 1 from asset_hold h where h.tenant_id = new.tenant_id and h.asset_id = new.asset_id) then
    raise exception 'a held asset is not erased' using errcode = '23001';
  end if;
  return new;
end $$;
create trigger erasure_of_held before insert on erasure for each row execute function held_is_not_erased();
