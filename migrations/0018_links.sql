-- Keys that sign URLs, and links that show one asset to whoever has them.

-- The secret has to be read again to verify with: sealed where SECRETS_KEY is set, else as it is (src/lib/sealed.ts).
create table signing_key (
  kid        text primary key check (kid ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
  tenant_id  text not null references tenant,
  product_id text not null,
  secret     bytea not null check (octet_length(secret) > 1),
  label      text not null default '',
  created_by text not null,
  created_at timestamptz not null default now(),
  -- from here on it verifies nothing: set when another takes its place
  expires_at timestamptz,
  revoked_at timestamptz,
  foreign key (tenant_id, product_id) references product
);
create index signing_key_of_product on signing_key (tenant_id, product_id, created_at);

-- The token itself is never stored. renditions null: whatever the product has.
create table share_link (
  share_id   text primary key,
  tenant_id  text not null references tenant,
  product_id text not null,
  asset_id   uuid not null,
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  renditions text[],
  original   boolean not null default false,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  foreign key (tenant_id, product_id) references product,
  foreign key (tenant_id, asset_id) references asset
);
create index share_link_of_asset on share_link (tenant_id, asset_id, created_at);

-- A new one spoils no answer: what names it is drawn at random, so nobody has asked with it before.
create constraint trigger signing_key_revises after update or delete on signing_key
  deferrable initially deferred for each row execute function revise_matrix();
create constraint trigger share_link_revises after update or delete on share_link
  deferrable initially deferred for each row execute function revise_matrix();
