-- Originals, the assets that name them, and the history of which version was current.

create table original (
  tenant_id   text not null references tenant,
  sha256      bytea not null check (octet_length(sha256) = 32),
  byte_length bigint not null check (byte_length >= 0),
  media_type  text not null,
  object_key  text not null unique,
  -- ImageFacts; null for what is not an image that can be transformed
  image       jsonb,
  stored_at   timestamptz not null default now(),
  primary key (tenant_id, sha256)
);

create function original_guard() returns trigger language plpgsql as $$
begin
  raise exception 'an original never changes' using errcode = '23001';
end $$;
create trigger original_immutable before update on original for each row execute function original_guard();

create table asset (
  tenant_id      text not null,
  asset_id       uuid not null,
  collection_id  text not null,
  owner_product  text not null,
  alias          text,
  active_version int,
  publication_no bigint not null default 0,
  next_version   int not null default 1,
  next_event_no  bigint not null default 1,
  created_by     text not null,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  archived_at    timestamptz,
  primary key (tenant_id, asset_id),
  unique (tenant_id, alias),
  foreign key (tenant_id, collection_id) references collection,
  foreign key (tenant_id, owner_product) references product (tenant_id, product_id)
);
create index asset_by_collection on asset (tenant_id, collection_id, asset_id);

create type version_state as enum ('PENDING', 'PROCESSING', 'READY', 'ACTIVE', 'ARCHIVED', 'FAILED', 'PURGED');

create table asset_version (
  tenant_id      text not null,
  asset_id       uuid not null,
  version        int not null check (version >= 1),
  sha256         bytea,
  state          version_state not null default 'PENDING',
  publish_policy text not null check (publish_policy in ('when-ready', 'now', 'manual')),
  filename       text,
  failure        jsonb,
  created_by     text not null,
  created_at     timestamptz not null default now(),
  ready_at       timestamptz,
  activated_at   timestamptz,
  archived_at    timestamptz,
  primary key (tenant_id, asset_id, version),
  foreign key (tenant_id, asset_id) references asset,
  foreign key (tenant_id, sha256) references original,
  check (state in ('PENDING', 'FAILED', 'PURGED') or sha256 is not null)
);
create unique index one_active_version on asset_version (tenant_id, asset_id) where state = 'ACTIVE';
create index version_by_original on asset_version (tenant_id, sha256);
create index version_in_processing on asset_version (created_at) where state = 'PROCESSING';

-- Deferred, so that a publish may order its updates freely; checked when it commits.
alter table asset add constraint active_is_a_version
  foreign key (tenant_id, asset_id, active_version) references asset_version deferrable initially deferred;

create function version_guard() returns trigger language plpgsql as $$
begin
  if old.sha256 is not null and new.sha256 is distinct from old.sha256 and new.state <> 'PURGED' then
    raise exception 'the content of a version never changes' using errcode = '23001';
  end if;
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'PENDING>PROCESSING', 'PENDING>FAILED', 'PENDING>PURGED',
    'PROCESSING>READY', 'PROCESSING>ACTIVE', 'PROCESSING>FAILED',
    'READY>ACTIVE', 'READY>ARCHIVED', 'READY>PROCESSING', 'READY>PURGED',
    'ACTIVE>ARCHIVED', 'ARCHIVED>ACTIVE', 'ARCHIVED>PROCESSING', 'ARCHIVED>PURGED',
    'FAILED>PROCESSING', 'FAILED>PURGED') then
    raise exception 'illegal version transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $$;
create trigger version_machine before update on asset_version for each row execute function version_guard();

create table publication (
  tenant_id        text not null,
  asset_id         uuid not null,
  publication_no   bigint not null,
  version          int not null,
  previous_version int,
  reason           text not null check (reason in ('publish', 'rollback', 'auto')),
  actor            text not null,
  published_at     timestamptz not null default now(),
  primary key (tenant_id, asset_id, publication_no),
  foreign key (tenant_id, asset_id, version) references asset_version
);

create function append_only() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = '23001';
end $$;
create trigger publication_append_only before update or delete on publication for each row execute function append_only();
