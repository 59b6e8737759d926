-- Edges that hold only while something is so, and edges on single assets.

alter table edge add column not_before timestamptz;
-- media types, labels, networks (src/model/conditions.ts); null: none
alter table edge add column conditions jsonb;

-- Stands before the edge of the asset's collection (src/policy/governing.ts). It says everything itself but how bytes are
-- delivered; `none` is how a product is kept from one asset of a collection that it may see.
create table asset_edge (
  tenant_id       text not null,
  asset_id        uuid not null,
  product_id      text not null,
  role            text not null check (role in ('owner', 'editor', 'reader', 'none')),
  original_access boolean not null default false,
  visibility      text not null default 'private' check (visibility in ('private', 'public')),
  not_before      timestamptz,
  expires_at      timestamptz,
  conditions      jsonb,
  -- which labels and attributes an editor may write; null is all of them
  attribute_paths text[]
    constraint asset_attribute_paths_are_bounded check (
      array_position(attribute_paths, null) is null
      and cardinality(attribute_paths) <= 64 and octet_length(attribute_paths::text) <= 16384),
  created_at      timestamptz not null default now(),
  primary key (tenant_id, asset_id, product_id),
  foreign key (tenant_id, asset_id) references asset on delete cascade,
  foreign key (tenant_id, product_id) references product
);
create index asset_edge_of_product on asset_edge (tenant_id, product_id, asset_id);

create constraint trigger asset_edge_revises after insert or update or delete on asset_edge
  deferrable initially deferred for each row execute function revise_matrix();
