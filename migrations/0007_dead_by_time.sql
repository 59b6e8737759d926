-- Dead letters are listed by the time of their death; nothing asks for them by their original.

create index node_dead_by_time on node (tenant_id, finished_at, node_id) where state = 'DEAD';
drop index node_dead;
