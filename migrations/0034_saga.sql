-- Long work in steps that may fail, and be taken back, one by one: what each came to, and what undoes it. A table of its own beside
-- `operation`: code before this carries on whatever stands there as a backfill.

create table saga (
  tenant_id      text not null references tenant,
  saga_id        uuid not null,
  kind           text not null check (kind in ('import')),
  state          text not null default 'RUNNING'
                 check (state in ('RUNNING', 'PAUSED', 'COMPENSATING', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED', 'COMPENSATED')),
  -- whose it is; null: an administrator's
  product_id     text,
  -- in whose name its steps are done, or undone: his rights are asked anew at each of them
  principal      jsonb not null,
  -- the address that it was asked for from, for grants that depend on it
  client         text,
  correlation_id text not null,
  input          jsonb not null,
  total          int not null default 0 check (total >= 0),
  -- counted when it ends; of one that is not over its steps are
  done           int not null default 0,
  failed         int not null default 0,
  -- why it failed or was cancelled
  reason         text,
  -- who works on it, and until when nobody else does
  lease_owner    text,
  lease_until    timestamptz,
  created_by     text not null,
  created_at     timestamptz not null default now(),
  -- since when it runs without a pause, and what was settled by then: the speed of now
  running_since  timestamptz not null default now(),
  settled_before int not null default 0,
  finished_at    timestamptz,
  primary key (tenant_id, saga_id),
  check ((finished_at is null) = (state in ('RUNNING', 'PAUSED', 'COMPENSATING')))
);
create index saga_open on saga (created_at) where state in ('RUNNING', 'COMPENSATING');

create function saga_guard() returns trigger language plpgsql as $$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'RUNNING>PAUSED', 'PAUSED>RUNNING', 'RUNNING>SUCCEEDED', 'RUNNING>PARTIAL', 'RUNNING>FAILED', 'RUNNING>CANCELLED', 'PAUSED>CANCELLED',
    'RUNNING>COMPENSATING', 'PAUSED>COMPENSATING', 'SUCCEEDED>COMPENSATING', 'PARTIAL>COMPENSATING', 'FAILED>COMPENSATING',
    'CANCELLED>COMPENSATING', 'COMPENSATING>COMPENSATED', 'COMPENSATING>FAILED') then
    raise exception 'illegal saga transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $$;
create trigger saga_machine before update on saga for each row execute function saga_guard();

create table saga_step (
  tenant_id   text not null,
  saga_id     uuid not null,
  step_no     int not null,
  input       jsonb not null,
  -- STUCK: it was to be undone and could not be
  state       text not null default 'PENDING' check (state in ('PENDING', 'DONE', 'FAILED', 'SKIPPED', 'UNDONE', 'STUCK')),
  -- of what it is about to be: done, or undone
  tries       int not null default 0,
  not_before  timestamptz not null default now(),
  -- what it came to, written with what it made
  output      jsonb,
  -- of the last try that failed
  problem     jsonb,
  -- what takes it back, written with what it takes back
  undo        jsonb,
  finished_at timestamptz,
  primary key (tenant_id, saga_id, step_no),
  foreign key (tenant_id, saga_id) references saga,
  check (undo is null or state in ('DONE', 'UNDONE', 'STUCK')),
  check ((finished_at is null) = (state = 'PENDING'))
);
create index saga_step_pending on saga_step (tenant_id, saga_id, step_no) where state = 'PENDING';
create index saga_step_done on saga_step (tenant_id, saga_id, step_no) where state in ('DONE', 'STUCK');

create function saga_step_guard() returns trigger language plpgsql as $$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'PENDING>DONE', 'PENDING>FAILED', 'PENDING>SKIPPED', 'DONE>UNDONE', 'DONE>STUCK', 'STUCK>DONE') then
    raise exception 'illegal step transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $$;
create trigger saga_step_machine before update on saga_step for each row execute function saga_step_guard();
