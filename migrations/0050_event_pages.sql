-- Pages of a tenant's log, in the order of their numbers.
create index event_of_tenant on event (tenant_id, seq) where seq is not null;
