-- What the bytes of an original say of themselves: blocks of EXIF, IPTC and XMP as they stand in it, and what was read from them.
-- A block that is larger than what is kept stays in the original, where it always is; `sizes` tells of it all the same.

create table original_metadata (
  tenant_id  text not null,
  sha256     bytea not null,
  exif       bytea check (octet_length(exif) <= 1048576),
  iptc       bytea check (octet_length(iptc) <= 1048576),
  xmp        bytea check (octet_length(xmp) <= 1048576),
  -- bytes of each block that there is, kept or not
  sizes      jsonb not null default '{}' check (jsonb_typeof(sizes) = 'object'),
  icc        jsonb check (octet_length(icc::text) <= 4096),
  reading    jsonb not null default '{}' check (jsonb_typeof(reading) = 'object' and octet_length(reading::text) <= 131072),
  -- which code read them last; 0: nobody has
  normaliser smallint not null default 0 check (normaliser >= 0),
  -- when the blocks were taken from the bytes
  taken_at   timestamptz,
  -- begun so far: bytes that cannot be had are not asked for without end
  tries      smallint not null default 0,
  not_before timestamptz not null default now(),
  primary key (tenant_id, sha256),
  foreign key (tenant_id, sha256) references original
);
create index original_metadata_unread on original_metadata (normaliser, not_before);

-- One that an earlier release stores is read by whoever works next.
create function want_metadata() returns trigger language plpgsql as $$
begin
  insert into original_metadata (tenant_id, sha256) values (new.tenant_id, new.sha256) on conflict do nothing;
  return null;
end $$;
create trigger original_wants_metadata after insert on original for each row when (new.image is not null) execute function want_metadata();
insert into original_metadata (tenant_id, sha256) select tenant_id, sha256 from original where image is not null;

-- An earlier release erases originals without knowing of this table.
create function forget_metadata() returns trigger language plpgsql as $$
begin
  delete from original_metadata where tenant_id = old.tenant_id and sha256 = old.sha256;
  return old;
end $$;
create trigger original_forgets_metadata before delete on original for each row execute function forget_metadata();

-- Colours beside the one, of the same small picture: `#rrggbb 0.412` joined by commas, the largest share first.
alter table original_look add column palette text
  check (palette ~ '^#[0-9a-f]{6} [01]\.[0-9]{3}(,#[0-9a-f]{6} [01]\.[0-9]{3}){0,7}$');

-- What is to be kept in sight, as shares of the upright picture: of the asset, and of it for single products.
alter table asset add column focal jsonb
  check (jsonb_typeof(focal) = 'object' and octet_length(focal::text) <= 16384);

-- A leaf that is shown goes on showing what it shows until what takes its place is made; all of an asset change in one instant.
create table leaf_move (
  tenant_id  text not null,
  asset_id   uuid not null,
  version    integer not null,
  product_id text not null,
  rendition  text not null,
  revision   integer not null,
  format     text not null,
  node_id    bytea not null,
  primary key (tenant_id, asset_id, version, product_id, rendition, revision, format),
  foreign key (tenant_id, asset_id, version, product_id, rendition, revision, format) references leaf on delete cascade,
  foreign key (tenant_id, node_id) references node on delete cascade
);
create index leaf_move_node on leaf_move (tenant_id, node_id);
