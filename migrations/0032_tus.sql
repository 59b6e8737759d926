-- Uploads in pieces (tus 1.0): how far each is and who is writing to it. The pieces themselves are objects in the staging bucket.
create table tus_upload (
  tenant_id       text not null references tenant,
  upload_id       uuid not null,
  -- whoever began it; nobody else learns that it exists
  principal       text not null,
  -- empty: an administrator's
  product_id      text not null,
  -- where it goes and what was said of it, checked when it was begun
  wish            jsonb not null,
  -- Upload-Metadata, to the letter
  metadata        text not null,
  length          bigint not null check (length > 0),
  received        bigint not null default 0 check (received between 0 and length),
  -- raised by everybody who takes it up: what an earlier one still holds in hand is not taken any more
  fence           bigint not null default 0,
  -- while the whole is read back and stored; runs out by itself when the process dies
  finishing_until timestamptz,
  state           text not null default 'OPEN' check (state in ('OPEN', 'DONE', 'REFUSED', 'EXPIRED', 'TERMINATED')),
  -- of a finished one the headers and the body that were answered, of a refused one the problem
  answer          jsonb,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  ended_at        timestamptz,
  -- since when it has no pieces any more
  cleared_at      timestamptz,
  primary key (tenant_id, upload_id),
  check ((state = 'OPEN') = (ended_at is null)),
  check ((state = 'DONE') = (received = length)),
  check ((state in ('DONE', 'REFUSED')) = (answer is not null))
);
create index tus_upload_open on tus_upload (tenant_id, product_id) where state = 'OPEN';
create index tus_upload_due on tus_upload (expires_at) where state = 'OPEN';
create index tus_upload_uncleared on tus_upload (ended_at) where cleared_at is null and state <> 'OPEN';
create index tus_upload_ended on tus_upload (ended_at) where cleared_at is not null;

create table tus_piece (
  tenant_id text not null,
  upload_id uuid not null,
  first     bigint not null check (first >= 0),
  bytes     bigint not null check (bytes > 0),
  -- of its object: another one each time, for two writers may bring other bytes for the same place
  name      text not null,
  primary key (tenant_id, upload_id, first),
  foreign key (tenant_id, upload_id) references tus_upload on delete cascade
);
