-- What takes a look at everything and is asked for again and again: measured now and then, by one process for all.
create table measurement (
  tenant_id text not null references tenant,
  name text not null,
  value double precision not null,
  measured_at timestamptz not null default now(),
  primary key (tenant_id, name)
);
