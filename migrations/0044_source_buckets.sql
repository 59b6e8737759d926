-- Buckets of sources that give nothing to whoever asks: the key that reads them. Its secret is sealed as the source's own is.
alter table source add column bucket_key_id text check (length(bucket_key_id) between 1 and 128);
alter table source add column bucket_secret bytea;
alter table source add column bucket_region text check (bucket_region ~ '^[a-z0-9-]{1,40}$');
alter table source add constraint bucket_key_is_whole
  check ((bucket_key_id is null) = (bucket_secret is null) and (bucket_key_id is null) = (bucket_region is null));

-- Long work that is over is forgotten after a time: the oldest first.
create index saga_ended on saga (finished_at) where finished_at is not null;
create index operation_ended on operation (finished_at) where finished_at is not null;
