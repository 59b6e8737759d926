-- What a product lets browsers do with its answers: pages of which origins may read them, and whether their hints are heeded.
-- Code before this neither writes nor reads the columns.
alter table product
  add column origins text[] not null default '{}' check (cardinality(origins) <= 20),
  add column client_hints boolean not null default false;

-- Gateways keep these with the facts of their answers (0005).
create constraint trigger product_revises after update on product
  deferrable initially deferred for each row when (old.origins is distinct from new.origins or old.client_hints <> new.client_hints)
  execute function revise_matrix();
