-- Originals whose object had other bytes when it was read whole, and when that was found last; good reads after it stand against it.
create table original_mismatch (
  tenant_id text not null,
  sha256    bytea not null,
  found_at  timestamptz not null default now(),
  primary key (tenant_id, sha256),
  foreign key (tenant_id, sha256) references original on delete cascade
);
