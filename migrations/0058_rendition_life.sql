-- A rendition may have an end that is told beforehand, and an older revision of it may be the active one again. The state stays
-- `active` while it is deprecated: code before this answers by that alone.
alter table rendition
  add column deprecated_at timestamptz,
  add column sunset_at timestamptz,
  add column reactivated_at timestamptz,
  add constraint rendition_sunset_check check ((deprecated_at is null) = (sunset_at is null) and (sunset_at > deprecated_at) is not false);
create index rendition_deprecated on rendition (tenant_id, sunset_at) where state = 'active' and deprecated_at is not null;
