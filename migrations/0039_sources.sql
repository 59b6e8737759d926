-- Other systems that say what is new with them: who they are, what they said as they said it, and what is being made of it.
create table source (
  tenant_id text not null references tenant,
  name text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  adapter text not null check (adapter in ('cloudevents', 's3-events')),
  product_id text not null,
  collection_id text not null,
  scheme text not null check (scheme in ('standard-webhooks', 'hmac-sha256', 'bearer')),
  header text check (header ~ '^[a-z0-9-]{1,60}$'),
  secret bytea not null,
  secret_at timestamptz not null default now(),
  base_url text check (length(base_url) <= 1024),
  trust smallint not null check (trust between 0 and 3),
  publish_policy text not null check (publish_policy in ('when-ready', 'now', 'manual')),
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, name),
  foreign key (tenant_id, product_id) references product,
  foreign key (tenant_id, collection_id) references collection
);
-- `raw` is null once an erasure has taken it.
create table source_event (
  tenant_id text not null,
  event_id uuid not null,
  source text not null,
  key bytea not null check (octet_length(key) = 32),
  raw bytea,
  received_at timestamptz not null default now(),
  primary key (tenant_id, event_id),
  unique (tenant_id, source, key)
);
create index source_event_by_age on source_event (received_at);
create table source_item (
  tenant_id text not null,
  event_id uuid not null,
  ordinal integer not null,
  item_no bigint not null generated always as identity,
  source text not null,
  external_id text,
  state text not null default 'PENDING' check (state in ('PENDING', 'DONE', 'DEAD')),
  tries integer not null default 0,
  failures integer not null default 0,
  not_before timestamptz not null default now(),
  code text,
  asset_id uuid,
  version integer,
  finished_at timestamptz,
  primary key (tenant_id, event_id, ordinal),
  foreign key (tenant_id, event_id) references source_event on delete cascade,
  check ((finished_at is null) = (state = 'PENDING')),
  check (state <> 'DONE' or version is not null)
);
create index source_item_due on source_item (not_before) where state = 'PENDING';
create index source_item_in_order on source_item (tenant_id, source, external_id, item_no) where state = 'PENDING';
create index source_item_of_asset on source_item (tenant_id, asset_id) where asset_id is not null;
