-- What a manifest of millions asks of Postgres: vacuum by the work done and not by the size of the tables.

-- By default a table is vacuumed when a fifth of it has changed. Queues here are partial indexes (events without a number, rows of
-- the audit without a place, nodes that wait, looks that are wanted), and what has left one lies dead in it until then: at a million
-- assets 1.4 million entries that every look has to pass. Also what scans by an index alone needs to know of pages.
alter table event set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 50000,
  autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table audit set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000,
  autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table node set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000,
  autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table original_look set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);
alter table asset_version set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000,
  autovacuum_analyze_scale_factor = 0.02);
alter table leaf set (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- The pointer moves in the row of the asset, and each event takes a number there: none of it is indexed, so with a little room in
-- the page the row stays in it, and four indexes are left alone.
alter table asset set (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000,
  autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
