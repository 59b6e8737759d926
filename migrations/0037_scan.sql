-- Verdicts of scanners about originals (model/scan.ts). A version that waits for one is PENDING: nothing of it is shown or made.
create table scan (
  tenant_id  text not null,
  sha256     bytea not null,
  state      text not null default 'WAITING' check (state in ('WAITING', 'CLEAN', 'INFECTED')),
  -- as the scanner calls what it found
  signature  text,
  -- who said so: the scanners, or a person
  told_by    text,
  tries      int not null default 0,
  last_error text,
  asked_at   timestamptz not null default now(),
  not_before timestamptz not null default now(),
  told_at    timestamptz,
  primary key (tenant_id, sha256),
  foreign key (tenant_id, sha256) references original on delete cascade,
  check ((state = 'WAITING') = (told_at is null)),
  check ((state = 'INFECTED') = (signature is not null))
);
create index scan_waiting on scan (not_before) where state = 'WAITING';
create index version_pending on asset_version (created_at) where state = 'PENDING';
