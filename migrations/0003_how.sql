-- Renditions that products name, the nodes that make them, and the leaves that bind one to the other.

create table rendition (
  tenant_id     text not null,
  collection_id text not null,
  product_id    text not null,
  name          text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  revision      int not null check (revision >= 1),
  -- RFC 8785 text, not jsonb: jsonb reorders keys and the text is what is hashed
  recipe        text not null,
  recipe_hash   bytea not null check (octet_length(recipe_hash) = 32),
  -- eager: made when a version is added, and gating its publish; lazy: made when first asked for
  lane          text not null default 'eager' check (lane in ('eager', 'lazy')),
  state         text not null default 'active' check (state in ('active', 'retired')),
  created_at    timestamptz not null default now(),
  primary key (tenant_id, collection_id, product_id, name, revision),
  foreign key (tenant_id, collection_id) references collection,
  foreign key (tenant_id, product_id) references product
);
create unique index one_active_rendition on rendition (tenant_id, collection_id, product_id, name) where state = 'active';

create table derivative (
  tenant_id   text not null references tenant,
  sha256      bytea not null check (octet_length(sha256) = 32),
  byte_length bigint not null check (byte_length > 0),
  media_type  text not null,
  width       int not null check (width > 0),
  height      int not null check (height > 0),
  object_key  text not null unique,
  stored_at   timestamptz not null default now(),
  primary key (tenant_id, sha256)
);

create type node_state as enum ('PLANNED', 'QUEUED', 'RUNNING', 'RETRY', 'DONE', 'DEAD', 'EVICTED');

-- A stored output of the graph. Its key hashes the original, every step of the chain and the engine line, so equal wishes of
-- any number of products are one row. Steps before the last are not rows: they follow from the chain.
create table node (
  tenant_id     text not null,
  node_id       bytea not null check (octet_length(node_id) = 32),
  original      bytea not null,
  chain         text not null,
  format        text not null,
  state         node_state not null default 'PLANNED',
  priority      smallint not null default 50,
  attempts      int not null default 0,
  crashes       int not null default 0,
  fence         bigint not null default 0,
  lease_owner   text,
  lease_until   timestamptz,
  not_before    timestamptz,
  output        bytea,
  cpu_ms        real not null default 0,
  alone_cpu_ms  real not null default 0,
  failure       jsonb,
  executions    int not null default 0,
  created_at    timestamptz not null default now(),
  queued_at     timestamptz,
  finished_at   timestamptz,
  primary key (tenant_id, node_id),
  foreign key (tenant_id, original) references original (tenant_id, sha256),
  foreign key (tenant_id, output) references derivative (tenant_id, sha256),
  check ((state = 'DONE') = (output is not null)),
  check (state <> 'RUNNING' or (lease_owner is not null and lease_until is not null)),
  check (state <> 'DEAD' or failure is not null)
);
create index node_runnable on node (tenant_id, original, priority, node_id) where state in ('QUEUED', 'RETRY');
create index node_waiting on node (priority, queued_at) where state in ('QUEUED', 'RETRY');
create index node_leased on node (lease_until) where state = 'RUNNING';
create index node_dead on node (tenant_id, original) where state = 'DEAD';

create function node_guard() returns trigger language plpgsql as $$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'PLANNED>QUEUED', 'QUEUED>RUNNING', 'RETRY>RUNNING', 'RUNNING>DONE', 'RUNNING>RETRY', 'RUNNING>QUEUED', 'RUNNING>DEAD',
    'DONE>EVICTED', 'EVICTED>QUEUED', 'DEAD>QUEUED', 'DONE>QUEUED') then
    raise exception 'illegal node transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  if new.fence < old.fence then
    raise exception 'a fence never goes back' using errcode = '23514';
  end if;
  return new;
end $$;
create trigger node_machine before update on node for each row execute function node_guard();

-- One format of one product's rendition of one version. A refused leaf has no node: the recipe does not fit this original.
create table leaf (
  tenant_id  text not null,
  asset_id   uuid not null,
  version    int not null,
  product_id text not null,
  rendition  text not null,
  revision   int not null,
  format     text not null,
  -- the product's order of preference, from 0
  position   smallint not null,
  required   boolean not null,
  eager      boolean not null,
  node_id    bytea,
  refusal    jsonb,
  created_at timestamptz not null default now(),
  primary key (tenant_id, asset_id, version, product_id, rendition, revision, format),
  foreign key (tenant_id, asset_id, version) references asset_version,
  foreign key (tenant_id, node_id) references node,
  check ((node_id is null) <> (refusal is null))
);
create index leaf_of_node on leaf (tenant_id, node_id, product_id) where node_id is not null;
