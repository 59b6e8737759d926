-- How an image looks before it is there: its ThumbHash and its dominant colour, of the original and so shared by everybody.

create table original_look (
  tenant_id text not null,
  sha256    bytea not null,
  thumbhash bytea check (octet_length(thumbhash) between 5 and 64),
  colour    text check (colour ~ '^#[0-9a-f]{6}$'),
  -- begun so far: an image that cannot be decoded is not looked at for ever
  tries     smallint not null default 0,
  -- a worker that is making its renditions anyway comes first
  not_before timestamptz not null default now() + interval '10 seconds',
  made_at   timestamptz,
  primary key (tenant_id, sha256),
  foreign key (tenant_id, sha256) references original,
  check ((thumbhash is null) = (colour is null) and (thumbhash is null) = (made_at is null))
);
create index look_wanted on original_look (not_before) where made_at is null and tries < 2;

create function want_look() returns trigger language plpgsql as $$
begin
  insert into original_look (tenant_id, sha256) values (new.tenant_id, new.sha256) on conflict do nothing;
  return null;
end $$;
create trigger original_wants_look after insert on original for each row when (new.image is not null) execute function want_look();
insert into original_look (tenant_id, sha256) select tenant_id, sha256 from original where image is not null;

-- Whether a product may keep what tells of a place or a person in its derivatives.
alter table edge add column private_metadata boolean not null default false;
