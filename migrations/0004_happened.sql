-- Facts, appended in the transaction that made them true, and requests that must have one effect only.

-- seq is given by one sequencer after the commit: a number taken by the writer is not commit order and loses events.
create table event (
  event_id       uuid primary key,
  insert_no      bigint generated always as identity,
  seq            bigint unique,
  tenant_id      text not null references tenant,
  type           text not null,
  asset_id       uuid not null,
  asset_event_no bigint not null,
  data           jsonb not null,
  actor          text not null,
  correlation_id text not null,
  occurred_at    timestamptz not null default now(),
  sequenced_at   timestamptz,
  unique (tenant_id, asset_id, asset_event_no)
);
create index event_unsequenced on event (insert_no) where seq is null;

create table event_head (
  one boolean primary key default true check (one),
  seq bigint not null default 0
);
insert into event_head default values;

create function event_guard() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'events are not deleted' using errcode = '23001';
  end if;
  if old.seq is not null or (to_jsonb(old) - array['seq', 'sequenced_at']) <> (to_jsonb(new) - array['seq', 'sequenced_at']) then
    raise exception 'an event never changes' using errcode = '23001';
  end if;
  return new;
end $$;
create trigger event_ledger before update or delete on event for each row execute function event_guard();

create table idempotency (
  tenant_id    text not null references tenant,
  principal    text not null,
  key          text not null check (length(key) between 1 and 255),
  request      text not null,
  fingerprint  bytea,
  status       int,
  headers      jsonb,
  body         text,
  locked_until timestamptz not null,
  expires_at   timestamptz not null,
  primary key (tenant_id, principal, key),
  check (status is null or fingerprint is not null)
);
create index idempotency_expired on idempotency (expires_at);
