-- Originals that a node needs beside its own: what is laid on it. They cannot be deleted while a node names them, and who erases
-- one finds what it is part of.

create table node_input (
  tenant_id text not null,
  node_id   bytea not null,
  original  bytea not null,
  primary key (tenant_id, node_id, original),
  foreign key (tenant_id, node_id) references node,
  foreign key (tenant_id, original) references original (tenant_id, sha256)
);
create index node_input_of_original on node_input (tenant_id, original);
