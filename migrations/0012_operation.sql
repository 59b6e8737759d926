-- Long work that outlives the request and the process that began it: what was asked for, and how far it is.

create table operation (
  tenant_id     text not null references tenant,
  operation_id  uuid not null,
  kind          text not null check (kind in ('backfill')),
  state         text not null default 'RUNNING' check (state in ('RUNNING', 'PAUSED', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED')),
  -- of a backfill: collection, product, rendition, revision
  input         jsonb not null,
  -- counted when it began; grows when more turn up
  total         int not null check (total >= 0),
  done          int not null default 0,
  failed        int not null default 0,
  cpu_ms        double precision not null default 0,
  -- the walk over the collection: the last asset that was looked at, in which round, and what this round has found
  after_asset   uuid,
  round         int not null default 1,
  found         int not null default 0,
  steps         int not null default 0,
  -- why it failed or was cancelled
  reason        text,
  created_by    text not null,
  created_at    timestamptz not null default now(),
  -- since when it runs without a pause, and what was settled by then: the speed of now
  running_since timestamptz not null default now(),
  settled_before int not null default 0,
  finished_at   timestamptz,
  primary key (tenant_id, operation_id),
  check ((finished_at is null) = (state in ('RUNNING', 'PAUSED')))
);
create unique index one_open_operation on operation (tenant_id, kind, input) where state in ('RUNNING', 'PAUSED');
create index operation_running on operation (created_at) where state = 'RUNNING';

create function operation_guard() returns trigger language plpgsql as $$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'RUNNING>PAUSED', 'PAUSED>RUNNING', 'RUNNING>SUCCEEDED', 'RUNNING>PARTIAL', 'RUNNING>FAILED', 'RUNNING>CANCELLED', 'PAUSED>CANCELLED') then
    raise exception 'illegal operation transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $$;
create trigger operation_machine before update on operation for each row execute function operation_guard();

-- A batch: planned in one transaction with the place where the next one goes on, settled when the last of its nodes is.
create table operation_step (
  tenant_id    text not null,
  operation_id uuid not null,
  step_no      int not null,
  state        text not null default 'RUNNING' check (state in ('RUNNING', 'DONE', 'SKIPPED')),
  assets       uuid[] not null,
  versions     int[] not null,
  done         int not null default 0,
  failed       int not null default 0,
  cpu_ms       double precision not null default 0,
  started_at   timestamptz not null default now(),
  finished_at  timestamptz,
  primary key (tenant_id, operation_id, step_no),
  foreign key (tenant_id, operation_id) references operation,
  check (cardinality(assets) = cardinality(versions)),
  check ((finished_at is null) = (state = 'RUNNING'))
);
create index operation_step_running on operation_step (tenant_id, operation_id) where state = 'RUNNING';
