-- Uploads that clients put into the staging bucket themselves, under URLs that were signed for exactly these bytes. A row is there
-- before its URL is given out, so what is in the bucket without an open row is nobody's.

create table upload (
  tenant_id   text not null references tenant,
  upload_id   uuid not null,
  -- in whose name: its cap, its budget, and who may see it
  product_id  text not null,
  state       text not null default 'OPEN' check (state in ('OPEN', 'COMPLETING', 'COMPLETED', 'REJECTED', 'EXPIRED')),
  -- where to, and what is said of it; names that people gave are kept while it is open
  wish        jsonb not null,
  byte_length bigint not null check (byte_length > 0),
  sha256      bytea check (length(sha256) = 32),
  -- of an upload in parts: what the store calls it, and the size of all but the last
  session     text,
  part_bytes  bigint check (part_bytes > 0),
  -- whoever completes it: for how long it is believed to live, and the number that its effect needs
  lease_until timestamptz,
  fence       int not null default 0,
  -- what a completion was answered, or why it was refused: told again to whoever asks again
  answer      jsonb,
  problem     jsonb,
  created_by  text not null,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  finished_at timestamptz,
  primary key (tenant_id, upload_id),
  foreign key (tenant_id, product_id) references product,
  check ((session is null) = (part_bytes is null)),
  check ((finished_at is null) = (state in ('OPEN', 'COMPLETING'))),
  check ((lease_until is null) = (state <> 'COMPLETING')),
  check ((answer is null) = (state <> 'COMPLETED')),
  check ((problem is null) = (state <> 'REJECTED'))
);
create index upload_open on upload (tenant_id, product_id) where state in ('OPEN', 'COMPLETING');
create index upload_due on upload (expires_at) where state in ('OPEN', 'COMPLETING');
create index upload_finished on upload (finished_at) where state in ('COMPLETED', 'REJECTED', 'EXPIRED');

create function upload_guard() returns trigger language plpgsql as $$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'OPEN>COMPLETING', 'COMPLETING>OPEN', 'COMPLETING>COMPLETED', 'COMPLETING>REJECTED', 'OPEN>EXPIRED', 'COMPLETING>EXPIRED') then
    raise exception 'illegal upload transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $$;
create trigger upload_machine before update on upload for each row execute function upload_guard();
