-- Names that assets have in other systems, each in its namespace (model/alias.ts); `asset.alias` stays what it is, and is no row here.
create table asset_alias (
  tenant_id   text not null,
  namespace   text not null check (namespace ~ '^[a-z0-9][a-z0-9-]{0,39}$' and namespace <> 'alias'),
  external_id text not null check (length(external_id) between 1 and 200),
  asset_id    uuid not null,
  created_by  text not null,
  created_at  timestamptz not null default now(),
  primary key (tenant_id, namespace, external_id),
  foreign key (tenant_id, asset_id) references asset
);
create index alias_of_asset on asset_alias (tenant_id, asset_id);

-- What the sender calls the thing that the bytes show, and its kin: kept with the version, in no index, forgotten with its provenance.
alter table provenance add column identity_hints jsonb not null default '{}'
  check (jsonb_typeof(identity_hints) = 'object' and length(identity_hints::text) <= 32768);
