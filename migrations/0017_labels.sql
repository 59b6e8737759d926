-- What people say of an asset: labels, which grants and policies may be conditioned on, and attributes of the products' own.
-- metadata_no counts their changes: it is in the ETag of the asset, and answers that were kept are asked for it.

alter table asset
  add column labels text[] not null default '{}'
    constraint labels_are_words check (
      array_position(labels, null) is null
      and array_to_string(labels, ',') ~ '^([a-z0-9][a-z0-9._:/-]{0,62}(,[a-z0-9][a-z0-9._:/-]{0,62}){0,31})?$'),
  add column attributes jsonb not null default '{}'
    constraint attributes_are_bounded check (jsonb_typeof(attributes) = 'object' and octet_length(attributes::text) <= 65536),
  add column metadata_no bigint not null default 0;

-- Which of them an editor may write; null is all of them. Owners write all, readers none.
alter table edge
  add column attribute_paths text[]
    constraint attribute_paths_are_bounded check (
      array_position(attribute_paths, null) is null
      and cardinality(attribute_paths) <= 64 and octet_length(attribute_paths::text) <= 16384);
