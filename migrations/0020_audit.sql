-- Who did what, and who was denied: appended, chained after the commit, and never changed or deleted.

create table audit (
  tenant_id      text not null references tenant,
  -- to the millisecond, so that every reader hashes the same text
  at             timestamptz(3) not null default now(),
  audit_id       uuid not null,
  insert_no      bigint generated always as identity,
  actor          text not null,
  actor_kind     text not null check (actor_kind in ('key', 'token', 'link', 'anonymous', 'unknown', 'system')),
  -- in whose name the actor acted
  product        text,
  action         text not null,
  resource       text not null,
  outcome        text not null check (outcome in ('allowed', 'denied')),
  reasons        text[] not null default '{}',
  -- how many equal ones this row stands for
  count          int not null default 1 check (count > 0),
  request_id     text not null,
  correlation_id text not null,
  client         text,
  -- only what changed
  before         jsonb,
  after          jsonb,
  -- given after the commit, one tenant's rows from 1 without gaps; hash = sha256(prev_hash || RFC 8785 text of the row)
  audit_no       bigint,
  prev_hash      bytea,
  hash           bytea,
  primary key (tenant_id, at, audit_id),
  unique (tenant_id, audit_no),
  check (length(actor) <= 200 and length(action) <= 100 and length(resource) <= 500 and cardinality(reasons) <= 20),
  check (length(before::text) <= 16384 and length(after::text) <= 16384),
  check (num_nonnulls(audit_no, prev_hash, hash) in (0, 3))
);
create index audit_unchained on audit (tenant_id, insert_no) where audit_no is null;
create index audit_of_actor on audit (tenant_id, actor, at);
create index audit_of_resource on audit (tenant_id, resource text_pattern_ops, at);

-- The end of each chain: what was cut off the end of the table is missed here.
create table audit_head (
  tenant_id  text primary key references tenant,
  audit_no   bigint not null default 0 check (audit_no >= 0),
  hash       bytea not null default decode(repeat('00', 32), 'hex'),
  chained_at timestamptz not null default now()
);

create function audit_guard() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'the audit is not deleted' using errcode = '23001';
  end if;
  if old.audit_no is not null or new.audit_no is null
    or (to_jsonb(old) - array['audit_no', 'prev_hash', 'hash']) <> (to_jsonb(new) - array['audit_no', 'prev_hash', 'hash']) then
    raise exception 'the audit never changes' using errcode = '23001';
  end if;
  return new;
end $$;
create trigger audit_ledger before update or delete on audit for each row execute function audit_guard();
create trigger audit_kept before truncate on audit for each statement execute function audit_guard();

create function audit_head_guard() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'the head of the audit is not deleted' using errcode = '23001';
  end if;
  if new.audit_no <= old.audit_no or new.tenant_id <> old.tenant_id then
    raise exception 'the head of the audit goes on only' using errcode = '23001';
  end if;
  return new;
end $$;
create trigger audit_head_ledger before update or delete on audit_head for each row execute function audit_head_guard();
create trigger audit_head_kept before truncate on audit_head for each statement execute function audit_head_guard();

-- Also for a session that plays a replica.
alter table audit enable always trigger audit_ledger, enable always trigger audit_kept;
alter table audit_head enable always trigger audit_head_ledger, enable always trigger audit_head_kept;
