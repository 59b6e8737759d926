-- What a product may have, and what it has: limits in place of the defaults, the bytes that it brought, the CPU spent in its name.

alter table product add column limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object');

-- Who brought the bytes first: equal bytes are stored once, and whoever brings them again has cost nothing. Empty: stored before
-- this was asked, or by a process that does not say; such bytes are the tenant's.
alter table original add column product_id text not null default '';

-- Sums of `original`, kept by it, so that a budget costs no count of a million rows and no writer can forget it. A connection
-- adds to a slot of its own, or every upload of a product would wait for the one before to commit.
create table stored_original (
  tenant_id  text not null references tenant,
  product_id text not null,
  slot       smallint not null check (slot between 0 and 15),
  -- of one slot they may fall below zero: a connection may remove what another has added
  originals  bigint not null,
  bytes      bigint not null,
  primary key (tenant_id, product_id, slot)
);

insert into stored_original (tenant_id, product_id, slot, originals, bytes)
  select tenant_id, '', 0, count(*), sum(byte_length) from original group by tenant_id;

create function count_original() returns trigger language plpgsql as $$
declare
  sign int := case when tg_op = 'INSERT' then 1 else -1 end;
  o original := case when tg_op = 'INSERT' then new else old end;
begin
  insert into stored_original as s (tenant_id, product_id, slot, originals, bytes)
  values (o.tenant_id, o.product_id, pg_backend_pid() % 16, sign, sign * o.byte_length)
  on conflict (tenant_id, product_id, slot) do update set originals = s.originals + excluded.originals, bytes = s.bytes + excluded.bytes;
  return null;
end $$;
create trigger original_counted after insert or delete on original for each row execute function count_original();

-- "What was spent today in the name of this product?" from the index alone.
create index node_spent on node (tenant_id, product_id, finished_at) include (cpu_ms) where state = 'DONE';
