-- What the entrance of a version knew beyond its row (0030): which source, how far it is trusted, and what it said of the bytes.
create table provenance (
  tenant_id text not null,
  asset_id uuid not null,
  version integer not null,
  source text,
  trust smallint not null check (trust between 0 and 3),
  hints jsonb not null default '{}' check (jsonb_typeof(hints) = 'object' and length(hints::text) <= 65536),
  primary key (tenant_id, asset_id, version),
  foreign key (tenant_id, asset_id, version) references asset_version
);
