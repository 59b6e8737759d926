-- What a product reads of a contract: the part that it needs, so that a change is checked against it and names it.
create table consumer_contract (
  tenant_id text not null,
  subject text not null check (subject ~ '^[a-z0-9][a-z0-9._-]{0,127}$'),
  product_id text not null,
  schema jsonb not null,
  registered_by text not null,
  registered_at timestamptz not null default now(),
  primary key (tenant_id, subject, product_id),
  foreign key (tenant_id, product_id) references product (tenant_id, product_id)
);
create index consumer_contract_of_product on consumer_contract (tenant_id, product_id);
