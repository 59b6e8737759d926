-- Publishes and ends that are set for a time; versions that go by themselves or are discarded.

-- A version that is to be the current one from a time on: one an asset. Gone as soon as the pointer moves.
create table schedule (
  tenant_id      text not null,
  asset_id       uuid not null,
  version        int not null,
  publish_at     timestamptz not null,
  waiting_since  timestamptz,
  set_by         text not null,
  correlation_id text not null,
  set_at         timestamptz not null default now(),
  primary key (tenant_id, asset_id),
  foreign key (tenant_id, asset_id) references asset,
  foreign key (tenant_id, asset_id, version) references asset_version
);
create index schedule_due on schedule (publish_at);

-- From then on the asset is archived; read with the asset, so that nobody has to have written it down by then.
alter table asset add column expires_at timestamptz;
create index asset_expiring on asset (expires_at) where expires_at is not null;

-- null: all of them.
alter table collection add column keep_versions int check (keep_versions between 1 and 1000);

-- An erasure of one version. Its states are its own, which a process of the release before leaves alone.
alter table erasure add column version int;
alter table erasure drop constraint erasure_tenant_id_asset_id_key;
create unique index one_erasure_of_asset on erasure (tenant_id, asset_id) where version is null;
create unique index one_erasure_of_version on erasure (tenant_id, asset_id, version) where version is not null;
alter table erasure drop constraint erasure_state_check;
alter table erasure add constraint erasure_state_check
  check (state in ('UNBINDING', 'FORGETTING', 'DELETING', 'PRUNING', 'DONE') and (state <> 'PRUNING' or version is not null));
create or replace function erasure_guard() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'an erasure is not forgotten' using errcode = '23001';
  end if;
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'UNBINDING>FORGETTING', 'FORGETTING>DELETING', 'DELETING>DONE', 'DELETING>UNBINDING', 'PRUNING>DONE') then
    raise exception 'illegal erasure transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $$;

alter table purge drop constraint purge_reason_check;
alter table purge add constraint purge_reason_check check (reason in
  ('publish', 'archive', 'delete', 'erase', 'grant', 'rendition', 'labels', 'signing-key', 'share', 'product', 'version'));
