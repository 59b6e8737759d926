-- Copies in caches carry what a product lets browsers do (0024).
alter table purge drop constraint purge_reason_check;
alter table purge add constraint purge_reason_check check (
  reason in ('publish', 'archive', 'delete', 'erase', 'grant', 'rendition', 'labels', 'signing-key', 'share', 'product'));

create function product_purges() returns trigger language plpgsql as $$
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (new.tenant_id, 'product', 'products/' || new.product_id, array['p:' || new.product_id]);
  return null;
end $$;
create trigger product_purges after update on product for each row
  when (old.origins is distinct from new.origins or old.client_hints <> new.client_hints) execute function product_purges();
