-- By which way the bytes of a version came in, and what that way calls it.
alter table asset_version
  add column entrance text not null default 'direct' check (entrance in ('direct', 'staged', 'tus', 'url', 'import', 'adapter')),
  add column source_ref text check (length(source_ref) <= 1024);
