-- How far events are in Redis Streams. log_id tells the streams of this log from those of another that the same Redis has kept.
create table event_relay (
  one boolean primary key default true check (one),
  log_id uuid not null default gen_random_uuid(),
  published_seq bigint not null default 0 check (published_seq >= 0),
  published_at timestamptz not null default now()
);
insert into event_relay default values;

-- What was given up, of a whole tenant, the last first.
create index delivery_dead_by_time on delivery (tenant_id, finished_at desc, delivery_id desc) where state = 'DEAD';
