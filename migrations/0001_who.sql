-- Tenants, the products inside them and the keys that products present.

create table tenant (
  tenant_id  text primary key check (tenant_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  created_at timestamptz not null default now()
);

create table product (
  tenant_id    text not null references tenant,
  product_id   text not null check (product_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  display_name text not null,
  created_at   timestamptz not null default now(),
  primary key (tenant_id, product_id)
);

-- The secret itself is never stored. product_id is null for an administrator of the tenant.
create table api_key (
  key_id       text primary key,
  tenant_id    text not null references tenant,
  product_id   text,
  secret_hash  bytea not null unique check (octet_length(secret_hash) = 32),
  label        text not null default '',
  scopes       text[] not null,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  foreign key (tenant_id, product_id) references product
);
create index api_key_of_product on api_key (tenant_id, product_id);

create table collection (
  tenant_id     text not null references tenant,
  collection_id text not null check (collection_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  owner_product text not null,
  -- whose required renditions a publish waits for
  publish_gate  text not null default 'all' check (publish_gate in ('all', 'owner', 'none')),
  created_at    timestamptz not null default now(),
  primary key (tenant_id, collection_id),
  foreign key (tenant_id, owner_product) references product (tenant_id, product_id)
);

-- A cell of the matrix: what a product may do in a collection and how it is answered there.
create table edge (
  tenant_id       text not null,
  collection_id   text not null,
  product_id      text not null,
  role            text not null check (role in ('owner', 'editor', 'reader')),
  original_access boolean not null default false,
  -- public: anonymous callers may resolve through this product's paths
  visibility      text not null default 'private' check (visibility in ('private', 'public')),
  delivery        text not null default 'redirect' check (delivery in ('redirect', 'stream')),
  expires_at      timestamptz,
  created_at      timestamptz not null default now(),
  primary key (tenant_id, collection_id, product_id),
  foreign key (tenant_id, collection_id) references collection,
  foreign key (tenant_id, product_id) references product
);
create index edge_of_product on edge (tenant_id, product_id);
