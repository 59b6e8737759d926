-- Epochs of the engine: which builds may work under which line, and migrations from one to the next, canary by canary.

-- A build is seen when a worker of it first starts, and works once it is registered. The first of a line registers itself.
create table engine (
  line          text not null,
  -- of parts: versions of the libraries and the architecture
  fingerprint   text not null check (fingerprint ~ '^[0-9a-f]{16}$'),
  parts         jsonb not null,
  seen_at       timestamptz not null default now(),
  registered_at timestamptz,
  registered_by text,
  primary key (line, fingerprint),
  check ((registered_at is null) = (registered_by is null))
);

create table rollout (
  tenant_id     text not null references tenant,
  rollout_id    uuid not null,
  engine        text not null,
  -- null: all
  collection_id text,
  -- per cent of the assets, by a hash of their ids: a larger share contains a smaller one
  share         smallint not null check (share between 1 and 100),
  state         text not null default 'PLANNING'
                check (state in ('PLANNING', 'COMPARING', 'READY', 'PROMOTING', 'PROMOTED', 'ROLLING_BACK', 'ROLLED_BACK')),
  -- the last asset that was looked at
  after_asset   uuid,
  assets        int not null default 0,
  leaves        int not null default 0,
  -- the last leaf that a promotion or a rollback has dealt with
  after_leaf    int not null default 0,
  -- leaves that are at their new nodes by this rollout
  moved         int not null default 0,
  created_by    text not null,
  created_at    timestamptz not null default now(),
  -- who promoted it or rolled it back
  moved_by      text,
  changed_at    timestamptz not null default now(),
  primary key (tenant_id, rollout_id),
  foreign key (tenant_id, collection_id) references collection
);
create unique index one_busy_rollout on rollout (tenant_id) where state in ('PLANNING', 'COMPARING', 'PROMOTING', 'ROLLING_BACK');

create function rollout_guard() returns trigger language plpgsql as $$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'PLANNING>COMPARING', 'COMPARING>READY', 'READY>PROMOTING', 'PROMOTING>PROMOTED',
    'PLANNING>ROLLED_BACK', 'COMPARING>ROLLED_BACK', 'READY>ROLLED_BACK',
    'PROMOTING>ROLLING_BACK', 'PROMOTED>ROLLING_BACK', 'ROLLING_BACK>ROLLED_BACK') then
    raise exception 'illegal rollout transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $$;
create trigger rollout_machine before update on rollout for each row execute function rollout_guard();

-- What the running code would plan otherwise than it was planned: where the leaf points, and where it would.
create table rollout_leaf (
  tenant_id  text not null,
  rollout_id uuid not null,
  leaf_no    int not null,
  asset_id   uuid not null,
  version    int not null,
  product_id text not null,
  rendition  text not null,
  revision   int not null,
  format     text not null,
  old_node   bytea not null,
  new_node   bytea,
  -- the running code would not make it at all
  refusal    text,
  primary key (tenant_id, rollout_id, leaf_no),
  foreign key (tenant_id, rollout_id) references rollout,
  foreign key (tenant_id, asset_id, version, product_id, rendition, revision, format) references leaf on delete cascade,
  foreign key (tenant_id, old_node) references node,
  foreign key (tenant_id, new_node) references node,
  check ((new_node is null) <> (refusal is null))
);
create index rollout_leaf_of_node on rollout_leaf (tenant_id, new_node, old_node) where new_node is not null;

-- Two outputs of one wish, side by side; once for all leaves and rollouts that have both.
create table comparison (
  tenant_id   text not null,
  old_node    bytea not null,
  new_node    bytea not null,
  tries       smallint not null default 0,
  not_before  timestamptz not null default now(),
  ssim        real check (ssim between -1 and 1),
  largest     smallint check (largest between 0 and 255),
  failure     text,
  compared_at timestamptz,
  primary key (tenant_id, old_node, new_node),
  foreign key (tenant_id, old_node) references node,
  foreign key (tenant_id, new_node) references node,
  check ((ssim is null) = (largest is null) and (ssim is null or failure is null)),
  check ((compared_at is null) = (ssim is null and failure is null))
);
create index comparison_wanted on comparison (not_before) where compared_at is null;

-- A leaf that points elsewhere spoils answers that were kept.
create constraint trigger leaf_revises after update on leaf
  deferrable initially deferred for each row when (old.node_id is distinct from new.node_id)
  execute function revise_matrix();
