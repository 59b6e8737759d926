-- A number that changes whenever an answer that was right may have become wrong for a reason that is not in the asset's own
-- row: a key, a cell of the matrix or a rendition changed, or a stored output was taken away. A gateway keeps what it read and
-- asks before each answer only whether this number and the asset's row are still the same (src/manifest/warm-read.ts).

create table matrix_revision (
  tenant_id text primary key references tenant,
  revision  bigint not null default 0
);

create function revise_matrix() returns trigger language plpgsql as $$
declare
  changed text := case when tg_op = 'DELETE' then old.tenant_id else new.tenant_id end;
begin
  insert into matrix_revision as m (tenant_id, revision) values (changed, 1)
    on conflict (tenant_id) do update set revision = m.revision + 1;
  return null;
end $$;

-- Deferred, so that the row is locked for the commit only and after everything else that a transaction locks.
create constraint trigger api_key_revises after update or delete on api_key
  deferrable initially deferred for each row execute function revise_matrix();
create constraint trigger edge_revises after insert or update or delete on edge
  deferrable initially deferred for each row execute function revise_matrix();
create constraint trigger rendition_revises after insert or update or delete on rendition
  deferrable initially deferred for each row execute function revise_matrix();
-- What becomes DONE betters answers that were not kept; only what stops being final spoils one that was.
create constraint trigger node_revises after update on node
  deferrable initially deferred for each row when (old.state in ('DONE', 'DEAD') and new.state <> old.state)
  execute function revise_matrix();
