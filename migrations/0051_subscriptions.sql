-- Who is told of events by webhook. Everything up to cursor_seq has been looked at for it; secrets are sealed as those of sources are.
-- One process at a time carries a subscription, for as long as its lease.
create table subscription (
  tenant_id text not null references tenant,
  subscription_id text not null check (subscription_id ~ '^sub_[0-9a-f]{32}$'),
  product_id text,
  url text not null check (length(url) between 1 and 2048),
  types text[] check (cardinality(types) between 1 and 200),
  asset_id uuid,
  collection_id text,
  description text not null default '' check (length(description) <= 200),
  scopes text[] not null,
  state text not null default 'ACTIVE' check (state in ('ACTIVE', 'PAUSED', 'DISABLED')),
  disabled_reason text,
  secret bytea not null,
  secret_at timestamptz not null default now(),
  former_secret bytea,
  former_until timestamptz,
  cursor_seq bigint not null check (cursor_seq >= 0),
  failures integer not null default 0 check (failures >= 0),
  failing_since timestamptz,
  hold_until timestamptz not null default now(),
  carrier text,
  lease_until timestamptz not null default now(),
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, subscription_id),
  foreign key (tenant_id, product_id) references product (tenant_id, product_id),
  check ((former_secret is null) = (former_until is null)),
  check ((state = 'DISABLED') = (disabled_reason is not null)),
  check ((failures = 0) = (failing_since is null))
);

-- An event for a subscription. Of one asset there is one at a time to be told (PENDING), the others wait for it in the order of their numbers.
create table delivery (
  tenant_id text not null,
  delivery_id uuid not null,
  delivery_no bigint not null generated always as identity,
  subscription_id text not null,
  event_seq bigint not null,
  event_id uuid not null,
  asset_id uuid not null,
  type text not null,
  replay_id uuid,
  state text not null check (state in ('WAITING', 'PENDING', 'DONE', 'DEAD')),
  failures integer not null default 0 check (failures >= 0),
  not_before timestamptz not null default now(),
  class text,
  attempts jsonb not null default '[]' check (jsonb_typeof(attempts) = 'array'),
  tries integer not null default 0 check (tries >= 0),
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (tenant_id, delivery_id),
  foreign key (tenant_id, subscription_id) references subscription (tenant_id, subscription_id) on delete cascade,
  check ((finished_at is null) = (state in ('WAITING', 'PENDING')))
);
create unique index delivery_in_turn on delivery (tenant_id, subscription_id, asset_id) where state = 'PENDING';
create index delivery_waiting on delivery (tenant_id, subscription_id, asset_id, delivery_no) where state = 'WAITING';
create index delivery_due on delivery (tenant_id, subscription_id, not_before) where state = 'PENDING';
create unique index delivery_once on delivery (tenant_id, subscription_id, event_seq) where replay_id is null;
create index delivery_listed on delivery (tenant_id, subscription_id, delivery_no);
create index delivery_dead on delivery (tenant_id, subscription_id, delivery_no) where state = 'DEAD';
create index delivery_over on delivery (finished_at) where finished_at is not null;

-- A part of the log, told once more to one subscription: a second cursor, with an end.
create table event_replay (
  tenant_id text not null,
  replay_id uuid not null,
  subscription_id text not null,
  cursor_seq bigint not null check (cursor_seq >= 0),
  until_seq bigint not null,
  types text[],
  asset_id uuid,
  told integer not null default 0,
  created_by text not null,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (tenant_id, replay_id),
  foreign key (tenant_id, subscription_id) references subscription (tenant_id, subscription_id) on delete cascade
);
create unique index event_replay_running on event_replay (tenant_id, subscription_id) where finished_at is null;
create index event_replay_over on event_replay (finished_at) where finished_at is not null;
