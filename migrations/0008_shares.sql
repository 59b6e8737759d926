-- Workers are shared between products in proportion to their shares: which product a node is made for, and how much each gets.

alter table product add column share int not null default 1 check (share between 1 and 100);

-- In whose name the node was asked for most urgently. Empty: asked for by a process that does not say.
alter table node add column product_id text not null default '';
update node n set product_id = l.product_id
  from (select distinct on (tenant_id, node_id) tenant_id, node_id, product_id from leaf order by tenant_id, node_id, product_id) l
  where l.tenant_id = n.tenant_id and l.node_id = n.node_id and n.state in ('PLANNED', 'QUEUED', 'RUNNING', 'RETRY');
create index node_of_product_waiting on node (tenant_id, product_id, priority, queued_at) where state in ('QUEUED', 'RETRY');
create index node_in_hand on node (tenant_id, original) where state = 'RUNNING';
