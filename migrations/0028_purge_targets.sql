-- Several caches in front, each told by itself, and more of what they have to forget.

-- By name of the target: state, tries, answer, and when (src/model/purge.ts). Code before this knows of one target and fills nothing in.
alter table purge add column targets jsonb not null default '{}' check (jsonb_typeof(targets) = 'object');
alter table purge drop constraint purge_reason_check;
alter table purge add constraint purge_reason_check check (
  reason in ('publish', 'archive', 'delete', 'erase', 'grant', 'rendition', 'labels', 'signing-key', 'share'));

-- The path of a pinned version stays the same when its recipe has another revision, and its bytes do not.
create function rendition_purges() returns trigger language plpgsql as $$
begin
  insert into purge (tenant_id, reason, subject, tags) values (old.tenant_id, 'rendition',
    'collections/' || old.collection_id || '/products/' || old.product_id || '/renditions/' || old.name,
    array['r:' || old.product_id || '.' || old.name]);
  return null;
end $$;
create trigger rendition_purges after update on rendition for each row
  when (old.state = 'active' and new.state <> 'active') execute function rendition_purges();

-- Conditions of grants and policies go by labels. Where every edge redirects, no cache has anything.
create function label_purges() returns trigger language plpgsql as $$
begin
  if exists (select from edge e where e.tenant_id = new.tenant_id and e.collection_id = new.collection_id and e.delivery <> 'redirect') then
    insert into purge (tenant_id, reason, subject, tags)
      values (new.tenant_id, 'labels', 'assets/' || new.asset_id, array['a:' || new.asset_id]);
  end if;
  return null;
end $$;
create trigger asset_label_purges after update on asset for each row
  when (old.labels is distinct from new.labels) execute function label_purges();

-- What was signed in the path is kept under that path until the URL ends. One that ends later is known to caches as ending then.
create function signing_key_purges() returns trigger language plpgsql as $$
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (old.tenant_id, 'signing-key', 'signing-keys/' || old.kid, array['p:' || old.product_id]);
  return null;
end $$;
create trigger signing_key_purges after update on signing_key for each row
  when ((old.revoked_at is null and new.revoked_at is not null)
        or (new.expires_at <= now() and (old.expires_at is null or old.expires_at > new.expires_at)))
  execute function signing_key_purges();

create function share_link_purges() returns trigger language plpgsql as $$
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (old.tenant_id, 'share', 'assets/' || old.asset_id || '/shares/' || old.share_id, array['a:' || old.asset_id]);
  return null;
end $$;
create trigger share_link_purges after update on share_link for each row
  when (old.revoked_at is null and new.revoked_at is not null) execute function share_link_purges();
