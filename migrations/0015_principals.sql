-- Keys: which one another took the place of, and when each was last used. The use has a table of its own: a change of api_key
-- is a change of the tenant's matrix (0005), and whoever keeps answers would read them anew.

alter table api_key add column replaces text references api_key;

create table key_use (
  key_id    text primary key references api_key on delete cascade,
  tenant_id text not null references tenant,
  used_at   timestamptz not null
);

-- Issuers of tokens. (iss, audience) belongs to one issuer of one tenant, so that a token says whose it is. An edition is a
-- number that no other state of any issuer has or had: what was read of an edition is true of it for ever.
create sequence issuer_edition;
create table issuer (
  tenant_id  text not null references tenant,
  name       text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  iss        text not null check (iss ~ '^[!-~]{1,255}$'),
  audience   text not null check (audience ~ '^[!-~]{1,255}$'),
  jwks_uri   text not null check (jwks_uri ~ '^https?://[!-~]{1,500}$'),
  algorithms text[] not null check (algorithms <@ array['EdDSA', 'ES256', 'RS256'] and cardinality(algorithms) > 0),
  -- the claim whose value is looked up in issuer_subject
  claim      text not null,
  edition    bigint not null default nextval('issuer_edition') unique,
  created_at timestamptz not null default now(),
  primary key (tenant_id, name),
  constraint issuer_of_token unique (iss, audience)
);

-- Who a token stands for. product_id is null for an administrator of the tenant. Rows are replaced together with their issuer's edition.
create table issuer_subject (
  tenant_id  text not null,
  name       text not null,
  value      text not null,
  product_id text,
  scopes     text[] not null,
  primary key (tenant_id, name, value),
  check ((product_id is null) = ('matrix:admin' = any(scopes))),
  foreign key (tenant_id, name) references issuer on delete cascade,
  foreign key (tenant_id, product_id) references product
);
create index issuer_subject_of_product on issuer_subject (tenant_id, product_id);

create constraint trigger issuer_revises after update or delete on issuer
  deferrable initially deferred for each row execute function revise_matrix();
