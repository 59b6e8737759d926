-- What a collection asks of what is put into it (model/collection-rules.ts); null asks nothing.
alter table collection add column rules jsonb;
