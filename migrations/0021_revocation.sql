-- Taking back: assets that are deleted or erased, what an erasure has removed, and purges of the caches in front.

-- Code before this knows archived_at alone: to it, what is deleted or erased is archived.
alter table asset add column deleted_at timestamptz, add column erased_at timestamptz;
alter table asset add constraint gone_is_archived check (archived_at is not null or (deleted_at is null and erased_at is null));
alter table asset add constraint erased_is_not_shown check (erased_at is null or active_version is null);
create index asset_deleted on asset (deleted_at) where deleted_at is not null and erased_at is null;

create table erasure (
  tenant_id      text not null references tenant,
  erasure_id     uuid not null,
  asset_id       uuid not null,
  reason         text not null check (length(reason) between 1 and 500),
  state          text not null default 'UNBINDING' check (state in ('UNBINDING', 'FORGETTING', 'DELETING', 'DONE')),
  requested_by   text not null,
  correlation_id text not null,
  requested_at   timestamptz not null,
  -- the last moment at which a URL that was handed out before works, and one at which a cache may still have a copy
  exposed_until  timestamptz not null,
  cached_until   timestamptz not null,
  finished_at    timestamptz,
  primary key (tenant_id, erasure_id),
  unique (tenant_id, asset_id),
  foreign key (tenant_id, asset_id) references asset,
  check ((finished_at is null) = (state <> 'DONE'))
);
create index erasure_open on erasure (requested_at) where state <> 'DONE';

create function erasure_guard() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'an erasure is not forgotten' using errcode = '23001';
  end if;
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'UNBINDING>FORGETTING', 'FORGETTING>DELETING', 'DELETING>DONE', 'DELETING>UNBINDING') then
    raise exception 'illegal erasure transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $$;
create trigger erasure_machine before update or delete on erasure for each row execute function erasure_guard();

create table erasure_object (
  tenant_id   text not null,
  erasure_id  uuid not null,
  kind        text not null check (kind in ('original', 'derivative')),
  sha256      bytea not null check (octet_length(sha256) = 32),
  object_key  text not null,
  byte_length bigint not null,
  -- DOOMED: no row names the object any more. KEPT: another asset has the same bytes.
  state       text not null default 'NAMED' check (state in ('NAMED', 'DOOMED', 'DELETED', 'KEPT')),
  -- of one that could not be deleted: when it is tried again
  not_before  timestamptz not null default now(),
  settled_at  timestamptz,
  primary key (tenant_id, erasure_id, kind, sha256),
  foreign key (tenant_id, erasure_id) references erasure
);
create index erasure_object_of_bytes on erasure_object (tenant_id, kind, sha256);
create index erasure_object_doomed on erasure_object (not_before) where state = 'DOOMED';

-- Whoever deletes what others refer to looks for these.
create index node_of_original on node (tenant_id, original);
create index node_of_output on node (tenant_id, output) where output is not null;
create index comparison_of_new_node on comparison (tenant_id, new_node);
create index rollout_leaf_of_old_node on rollout_leaf (tenant_id, old_node);
create index rollout_leaf_of_version on rollout_leaf (tenant_id, asset_id, version);

-- What caches in front have to forget. Written by the transaction of the change, whichever code makes it.
create table purge (
  tenant_id    text not null references tenant,
  purge_id     uuid not null default gen_random_uuid(),
  reason       text not null check (reason in ('publish', 'archive', 'delete', 'erase', 'grant')),
  subject      text not null,
  tags         text[] not null check (cardinality(tags) > 0),
  state        text not null default 'PENDING' check (state in ('PENDING', 'DONE', 'DEAD')),
  tries        int not null default 0,
  not_before   timestamptz not null default now(),
  -- of the last try: the status, or a word where there was none
  last_answer  text,
  created_at   timestamptz not null default now(),
  finished_at  timestamptz,
  primary key (tenant_id, purge_id),
  check ((finished_at is null) = (state = 'PENDING'))
);
create index purge_due on purge (not_before) where state = 'PENDING';
create index purge_over on purge (finished_at) where state <> 'PENDING';

-- Nothing was cached of an asset before its first version; a restored one was answered with refusals, which nobody caches.
create function asset_purges() returns trigger language plpgsql as $$
declare
  why text := case when new.erased_at is not null and old.erased_at is null then 'erase'
                   when new.deleted_at is not null and old.deleted_at is null then 'delete'
                   when new.archived_at is not null and old.archived_at is null then 'archive'
                   when new.active_version is distinct from old.active_version and old.active_version is not null then 'publish' end;
begin
  if why is not null then
    insert into purge (tenant_id, reason, subject, tags) values (new.tenant_id, why, 'assets/' || new.asset_id,
      array[case why when 'publish' then 'v:' || new.asset_id || '.' || old.active_version else 'a:' || new.asset_id end]);
  end if;
  return null;
end $$;
create trigger asset_purges after update on asset for each row
  when (new.active_version is distinct from old.active_version or new.archived_at is distinct from old.archived_at
        or new.deleted_at is distinct from old.deleted_at or new.erased_at is distinct from old.erased_at)
  execute function asset_purges();

-- A grant that is new takes nothing from anybody. Any other change may: what was cached for the product is asked for again.
create function edge_purges() returns trigger language plpgsql as $$
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (old.tenant_id, 'grant', 'collections/' || old.collection_id || '/grants/' || old.product_id, array['p:' || old.product_id]);
  return null;
end $$;
create trigger edge_purges after delete on edge for each row execute function edge_purges();
create trigger edge_change_purges after update on edge for each row when (old.* is distinct from new.*) execute function edge_purges();

-- One on a single asset stands before that of the collection, so a new one may take something too.
create function asset_edge_purges() returns trigger language plpgsql as $$
declare
  one record := case when tg_op = 'DELETE' then old else new end;
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (one.tenant_id, 'grant', 'assets/' || one.asset_id || '/grants/' || one.product_id, array['a:' || one.asset_id]);
  return null;
end $$;
create trigger asset_edge_purges after insert or update or delete on asset_edge for each row execute function asset_edge_purges();
